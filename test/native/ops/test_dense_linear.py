"""dense_linear: the same as linear, whichever library multiplies, and recorded as linear where a gradient is asked for."""

import unittest

import torch

from reference import activations, factors, ops, relative_error


class DenseLinear(unittest.TestCase):
    def test_equals_linear_on_both_sides_of_the_size_that_changes_the_library(self):
        for rows, out_features, in_features in ((5, 16, 32), (300, 384, 256)):
            weight, bias, *_ = factors(out_features, in_features, 1)
            x = activations(rows, in_features)
            strided = activations(in_features, rows).t()
            for given, b in ((x, bias), (x, None), (x.view(1, rows, in_features), bias), (strided, bias)):
                with self.subTest(rows=rows, bias=b is not None):
                    expected = torch.nn.functional.linear(
                        given.double(), weight.double(), None if b is None else b.double()
                    )
                    output = ops.dense_linear(given, weight, b)
                    self.assertEqual((output.shape, output.dtype), (expected.shape, torch.float32))
                    self.assertLessEqual(relative_error(output, expected), 1e-6)

    def test_gradients_are_those_of_linear(self):
        weight, bias, *_ = factors(384, 256, 1)
        x = activations(300, 256)
        gradients = []
        for linear in (ops.dense_linear, torch.nn.functional.linear):
            inputs = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
            gradients.append(torch.autograd.grad(linear(*inputs).square().sum(), inputs))
        for own, expected in zip(*gradients):
            self.assertLessEqual(relative_error(own, expected), 1e-6)

    def test_autocast_decides_as_for_linear(self):
        weight, bias, *_ = factors(384, 256, 1)
        x = activations(300, 256)
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
            self.assertEqual(ops.dense_linear(x, weight, bias).dtype, torch.bfloat16)

    def test_errors_are_those_of_linear(self):
        weight, *_ = factors(16, 32, 1)
        with self.assertRaisesRegex(RuntimeError, "mat1 and mat2"):
            ops.dense_linear(activations(9, 31), weight)


if __name__ == "__main__":
    unittest.main()
