"""quick_gelu: x·σ(1.702·x), its gradient, every dtype and layout."""

import unittest

import torch
from torch.autograd import gradcheck
from torch.library import opcheck

from reference import activations, ops, relative_error

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 8e-3, torch.float16: 1e-3}


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class QuickGelu(unittest.TestCase):
    def assert_agrees(self, x, tolerance):
        actual, expected = x.detach().requires_grad_(), x.detach().double().requires_grad_()
        output, reference = ops.quick_gelu(actual), quick_gelu(expected)
        self.assertEqual((output.dtype, output.shape), (x.dtype, x.shape))
        self.assertLessEqual(relative_error(output, reference), tolerance)
        probe = activations(*x.shape, seed=2).to(x.dtype)
        (gradient,) = torch.autograd.grad((output * probe).sum(), actual)
        (wanted,) = torch.autograd.grad((reference * probe).sum(), expected)
        self.assertLessEqual(relative_error(gradient, wanted), tolerance)

    def test_agrees_in_every_dtype(self):
        for dtype, tolerance in TOLERANCE.items():
            for count in (7, 100_003):  # less than a vector; more than one thread's share
                with self.subTest(dtype=dtype, count=count):
                    self.assert_agrees(activations(count, dtype=dtype) * 3, tolerance)

    def test_agrees_everywhere_relative_to_each_value(self):
        x = torch.linspace(-40, 40, 160_001)
        expected = quick_gelu(x.double())
        error = (ops.quick_gelu(x).double() - expected).abs() / expected.abs().clamp_min(1e-30)
        self.assertLessEqual(error.max().item(), 1e-5)  # 1.702·x is rounded before its exponential is taken

    def test_extremes(self):
        x = torch.tensor([float("-inf"), -3e38, -100.0, -0.0, 0.0, 100.0, 3e38, float("inf"), float("nan")])
        y = ops.quick_gelu(x)
        self.assertEqual(y[3:8].tolist(), x[3:8].tolist())
        self.assertTrue(y[8].isnan())
        self.assertTrue((y[1:3].abs() < 1e-30).all())

    def test_gradient_of_extremes(self):
        for dtype, largest in {torch.float64: 1e308, torch.float32: 3e38, torch.bfloat16: 3e38, torch.float16: 6e4}.items():
            with self.subTest(dtype=dtype):
                x = torch.tensor([float("-inf"), -largest, largest, float("inf"), float("nan")], dtype=dtype)
                gradient = ops.quick_gelu_backward(torch.ones_like(x), x)
                self.assertEqual(gradient[:4].abs().tolist(), [0, 0, 1, 1])
                self.assertTrue(gradient[4].isnan())

    def test_layouts(self):
        for name, x in {
            "one element": activations(1),
            "empty": activations(0, 3),
            "transposed": activations(8, 6).T,
            "strided": activations(6, 8)[:, ::2],
            "expanded": activations(1, 8).expand(4, 8),
        }.items():
            with self.subTest(layout=name):
                self.assert_agrees(x, 1e-6)

    def test_gradcheck_and_opcheck(self):
        self.assertTrue(gradcheck(ops.quick_gelu, (activations(3, 4, dtype=torch.float64, requires_grad=True),)))
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            opcheck(ops.quick_gelu, (activations(3, 4, dtype=dtype, requires_grad=True),))

    def test_errors(self):
        with self.assertRaisesRegex(RuntimeError, r"expected grad of shape \[3\] \(shape of x\), got \[2\]\. "):
            ops.quick_gelu_backward(torch.ones(2), torch.ones(3))
