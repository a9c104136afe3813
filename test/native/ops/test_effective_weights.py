"""effective_weights: W + B·diag(w)·A of many layers, in their dtype or a lower one."""

import unittest

import torch
from torch.library import opcheck

from reference import factors, ops, relative_error


def layers(*shapes, dtype=torch.float32):
    """weights, lora_a, lora_b, importance of stacked layers; each shape is (projections, d, k, rank)."""
    made = [factors(d, k, rank, projections, dtype, seed=i) for i, (projections, d, k, rank) in enumerate(shapes)]
    return [[layer[position] for layer in made] for position in (0, 2, 3, 4)]


def plain(weight, lora_a, lora_b, importance):
    return weight + ((lora_b * importance[:, None]) @ lora_a).flatten(0, 1)


SHAPES = ((1, 300, 40, 4), (3, 130, 24, 8), (2, 5, 7, 1), (1, 16, 32, 0))


class EffectiveWeights(unittest.TestCase):
    def test_agrees_with_the_formula_in_every_dtype(self):
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 2e-2)):
            with self.subTest(dtype=dtype):
                arguments = layers(*SHAPES, dtype=dtype)
                for actual, *layer in zip(ops.effective_weights(*arguments), *arguments, strict=True):
                    self.assertEqual(actual.dtype, dtype)
                    self.assertLessEqual(relative_error(actual, plain(*(t.double() for t in layer))), tolerance)

    def test_a_lower_precision_is_one_rounding_away(self):
        for dtype in (torch.bfloat16, torch.float16):
            arguments = layers(*SHAPES)
            exact = ops.effective_weights(*arguments)
            for actual, expected in zip(ops.effective_weights(*arguments, dtype=dtype), exact, strict=True):
                self.assertTrue(torch.equal(actual, expected.to(dtype)))

    def test_infinity_and_nan_stay_in_a_lower_precision(self):
        weights, *adapters = layers((1, 8, 40, 3))
        weights[0][0, 0], weights[0][1, 39] = float("inf"), float("nan")
        lower = ops.effective_weights(weights, *adapters, dtype=torch.bfloat16)[0]
        torch.testing.assert_close(lower, ops.effective_weights(weights, *adapters)[0].bfloat16(), equal_nan=True, rtol=0, atol=0)

    def test_results_that_outgrow_the_caches_are_the_same(self):
        arguments = layers((1, 3000, 1500, 16), (1, 3000, 1501, 2), (1, 30, 20, 2))
        together = ops.effective_weights(*arguments)
        for actual, *layer in zip(together, *arguments, strict=True):
            self.assertTrue(torch.equal(actual, ops.effective_weights(*([t] for t in layer))[0]))

    def test_agrees_for_strided_weights(self):
        weights, *adapters = layers((2, 8, 16, 3))
        strided = torch.cat([weights[0], weights[0]], 1)[:, :16]
        self.assertTrue(torch.equal(*(ops.effective_weights([w], *adapters)[0] for w in (strided, weights[0]))))

    def test_the_result_has_no_graph(self):
        weights, *adapters = layers((1, 8, 16, 3))
        result = ops.effective_weights(weights, *([t[0].requires_grad_()] for t in adapters))
        self.assertFalse(result[0].requires_grad)

    def test_errors(self):
        weights, lora_a, lora_b, importance = layers((1, 8, 16, 3), (1, 4, 16, 3))
        for arguments, message in (
            ((weights, lora_a[:1], lora_b, importance), r"expected 2 tensors in lora_a \(one for each of weights\), got 1\. "),
            (([], [], [], []), r"expected at least one layer, got none\. "),
            ((weights, lora_a, lora_b[::-1], importance), r"effective_weights: expected weight.shape\[0\] = 4 "),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(RuntimeError, message):
                ops.effective_weights(*arguments)

    def test_opcheck(self):
        for dtype in (None, torch.bfloat16):
            opcheck(ops.effective_weights, tuple(layers((2, 5, 8, 3), (1, 4, 8, 2))), {"dtype": dtype})
