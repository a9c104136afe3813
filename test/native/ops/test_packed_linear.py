"""packed_linear: the same as linear, whichever way the weight is laid out."""

import unittest

import torch

from reference import activations, factors, ops, relative_error


class PackedLinear(unittest.TestCase):
    def test_equals_linear_in_every_dtype(self):
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 1e-2)):
            for out_features, in_features in ((16, 32), (96, 64), (1, 7)):
                with self.subTest(dtype=dtype, out_features=out_features):
                    weight, bias, *_ = factors(out_features, in_features, 1)
                    packed = ops.pack_linear_weight(weight, 18, dtype=dtype)
                    self.assertEqual((packed.shape, packed.dtype), (weight.shape, dtype))
                    for x in (activations(18, in_features), activations(18, in_features).view(3, 6, in_features)):
                        expected = torch.nn.functional.linear(x.double(), weight.double(), bias.double())
                        output = ops.packed_linear(x, packed, bias.to(dtype))
                        self.assertEqual((output.shape, output.dtype), (expected.shape, dtype))
                        self.assertLessEqual(relative_error(output, expected), tolerance)

    def test_without_bias_and_with_other_rows_than_it_was_packed_for(self):
        weight, *_ = factors(48, 64, 1)
        packed = ops.pack_linear_weight(weight, 5)
        for rows in (1, 5, 700):
            x = activations(rows, 64)
            output = ops.packed_linear(x, packed, None)
            self.assertLessEqual(relative_error(output, torch.nn.functional.linear(x.double(), weight.double())), 1e-6)

    def test_a_packed_weight_no_longer_follows_the_weight(self):
        weight, *_ = factors(48, 64, 1)
        x = activations(9, 64)
        packed = ops.pack_linear_weight(weight, 9, dtype=torch.bfloat16)
        before = ops.packed_linear(x, packed, None)
        weight.zero_()
        self.assertTrue(torch.equal(ops.packed_linear(x, packed, None), before))

    def test_the_weights_dtype_decides_under_autocast(self):
        weight, bias, *_ = factors(48, 64, 1)
        x = activations(9, 64)
        packed = ops.pack_linear_weight(weight, 9)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = ops.packed_linear(x, packed, bias)
        self.assertEqual(output.dtype, torch.float32)
        self.assertTrue(torch.equal(output, ops.packed_linear(x, packed, bias)))

    def test_errors(self):
        weight, bias, *_ = factors(16, 32, 1)
        packed = ops.pack_linear_weight(weight, 9)
        x = activations(9, 32)
        with self.assertRaisesRegex(RuntimeError, r"expected x without a gradient, got one that requires it"):
            ops.packed_linear(x.requires_grad_(), packed, None)
        x = x.detach()
        for message, arguments in (
            (r"expected x \[\.\.\., in_features\] for a weight \[16, 32\], got x \[9, 31\]", (x[:, :31], packed, None)),
            (r"expected bias \[16\] \(out_features of the weight\), got \[15\]", (x, packed, bias[:15])),
            (r"expected bias of dtype Float \(dtype of the weight\), got Double", (x, packed, bias.double())),
        ):
            with self.assertRaisesRegex(RuntimeError, message):
                ops.packed_linear(*arguments)
        with self.assertRaisesRegex(RuntimeError, r"expected weight \[out_features, in_features\], got \[16\]"):
            ops.pack_linear_weight(bias, 9)
        with self.assertRaisesRegex(RuntimeError, r"expected rows > 0, got 0"):
            ops.pack_linear_weight(weight, 0)


if __name__ == "__main__":
    unittest.main()
