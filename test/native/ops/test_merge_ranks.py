"""merge_ranks_: the merged layer equals the adapted one, and only non-zero ranks count."""

import unittest

import torch
from torch.library import opcheck

from reference import activations, factors, lora_linear, ops, relative_error


class MergeRanks(unittest.TestCase):
    def test_the_merged_layer_equals_the_adapted_layer(self):
        for projections in (None, 3):
            for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 3e-2)):
                with self.subTest(projections=projections, dtype=dtype):
                    x = activations(9, 32, dtype=dtype)
                    weight, bias, lora_a, lora_b, importance = factors(16, 32, 6, projections, dtype)
                    importance[..., 1:3] = 0
                    expected = lora_linear(*(t.double() for t in (x, weight, bias, lora_a, lora_b, importance)))
                    merged = ops.merge_ranks_(weight, lora_a, lora_b, importance)
                    self.assertEqual(merged, 4 * (projections or 1))
                    output = torch.nn.functional.linear(x, weight, bias)
                    self.assertLessEqual(relative_error(output, expected), tolerance)

    def test_pruned_ranks_change_nothing_whatever_they_hold(self):
        weight, _, lora_a, lora_b, importance = factors(16, 32, 4)
        before = weight.clone()
        lora_b[:, 2] = float("inf")
        lora_a[2] = float("nan")
        self.assertEqual(ops.merge_ranks_(weight, lora_a, lora_b, torch.zeros_like(importance)), 0)
        self.assertTrue(torch.equal(weight, before))
        importance[2] = 0
        self.assertEqual(ops.merge_ranks_(weight, lora_a, lora_b, importance), 3)
        self.assertTrue(weight.isfinite().all())

    def test_rank_zero_and_one_row_of_a_larger_weight(self):
        weight, _, lora_a, lora_b, importance = factors(16, 32, 0)
        before = weight.clone()
        self.assertEqual(ops.merge_ranks_(weight, lora_a, lora_b, importance), 0)
        self.assertTrue(torch.equal(weight, before))
        _, _, lora_a, lora_b, importance = factors(4, 32, 2)
        self.assertEqual(ops.merge_ranks_(weight[4:8], lora_a, lora_b, importance), 2)
        delta = (lora_b * importance) @ lora_a
        self.assertLessEqual(relative_error(weight[4:8] - before[4:8], delta), 1e-5)
        self.assertTrue(torch.equal(weight[8:], before[8:]))

    def test_the_merged_weight_stays_out_of_the_adapters_graph(self):
        weight, _, *adapter = factors(16, 32, 4)
        version = weight._version
        ops.merge_ranks_(weight, *(t.requires_grad_() for t in adapter))
        self.assertFalse(weight.requires_grad)
        self.assertEqual(weight._version, version + 1)
        with self.assertRaisesRegex(RuntimeError, "leaf Variable that requires grad"):
            ops.merge_ranks_(weight.requires_grad_(), *adapter)

    def test_non_finite_importance_is_an_error_and_changes_nothing(self):
        weight, _, lora_a, lora_b, importance = factors(16, 32, 4)
        before = weight.clone()
        for value in (float("nan"), float("inf")):
            importance[1] = value
            with self.assertRaisesRegex(RuntimeError, "_: expected finite importance weights, got 1 of 4 non-finite"):
                ops.merge_ranks_(weight, lora_a, lora_b, importance)
            self.assertTrue(torch.equal(weight, before))

    def test_shape_errors(self):
        weight, _, lora_a, lora_b, importance = factors(16, 32, 4)
        with self.assertRaisesRegex(RuntimeError, r"codyra::merge_ranks_: expected lora_b\.shape\[1\] = 4 \(rank of "):
            ops.merge_ranks_(weight, lora_a, lora_b[:, :3], importance)
        with self.assertRaisesRegex(RuntimeError, r"codyra::merge_ranks_: expected lora_a\.shape\[1\] = 32 \(in_feat"):
            ops.merge_ranks_(weight, lora_a[:, :3], lora_b, importance)

    def test_shapes_are_checked_under_the_private_name_too(self):
        weight, _, lora_a, lora_b, importance = factors(16, 32, 4, 1)
        with self.assertRaisesRegex(RuntimeError, r"codyra::add_kept_ranks_: expected lora_a\.shape\[2\] = 32 \(in_feat"):
            ops.add_kept_ranks_(weight, lora_a[..., :8], lora_b, importance)

    def test_memory_that_is_written_and_read_is_refused(self):
        weight, _, lora_a, lora_b, importance = factors(16, 32, 4)
        with self.assertRaisesRegex(RuntimeError, "more than one element of the written-to tensor"):
            ops.merge_ranks_(weight[:1].expand(16, 32), lora_a, lora_b, importance)
        with self.assertRaisesRegex(RuntimeError, r"share no memory with the weight .*Clone them"):
            ops.merge_ranks_(weight, weight[:4], lora_b, importance)

    def test_opcheck(self):
        for projections in (None, 3):
            weight, _, *adapter = factors(5, 4, 2, projections)
            opcheck(ops.merge_ranks_, (weight, *adapter))


class MergeAllRanks(unittest.TestCase):
    def arguments(self):
        layers = [factors(16, 32, 6, 3), factors(24, 8, 4, 1, seed=1), factors(5, 7, 0, 2, seed=2)]
        layers[0][4][1, 2:4] = 0
        layers[1][4][0, 0] = 0
        return [[layer[position] for layer in layers] for position in (0, 2, 3, 4)]

    def test_agrees_with_one_layer_at_a_time(self):
        together, apart = self.arguments(), self.arguments()
        counts = ops.merge_all_ranks_(*together)
        self.assertEqual(counts.tolist(), [6, 4, 6, 3, 0, 0])
        totals = [ops.merge_ranks_(*layer) for layer in zip(*apart, strict=True)]
        self.assertEqual(totals, [16, 3, 0])
        for actual, expected in zip(together[0], apart[0], strict=True):
            self.assertTrue(torch.equal(actual, expected))

    def test_one_non_finite_importance_weight_leaves_all_layers_alone(self):
        arguments = self.arguments()
        before = [weight.clone() for weight in arguments[0]]
        arguments[3][1][0, 3] = float("nan")
        with self.assertRaisesRegex(RuntimeError, r"expected finite importance weights, got 1 of 22 non-finite\. "):
            ops.merge_all_ranks_(*arguments)
        for weight, kept in zip(arguments[0], before, strict=True):
            self.assertTrue(torch.equal(weight, kept))

    def test_merged_weights_stay_out_of_the_adapters_graph(self):
        weights, *adapters = self.arguments()
        ops.merge_all_ranks_(weights, *([t.requires_grad_() for t in tensors] for tensors in adapters))
        self.assertFalse(any(weight.requires_grad for weight in weights))
