"""soft_threshold_ and soft_threshold_released_: the equation, the published variant, autograd rules."""

import unittest

import torch
from torch.autograd import gradcheck
from torch.library import opcheck

from reference import activations, ops, soft_threshold, soft_threshold_released

VARIANTS = {
    ops.soft_threshold_: soft_threshold,
    ops.soft_threshold_released_: soft_threshold_released,
}


class SoftThreshold(unittest.TestCase):
    def test_minimises_equation_5(self):
        # w+ = argmin κ|w| + ½(w − ŵ)², by search over a grid of 1e-4.
        kappa = 0.3
        grid = torch.arange(-20000, 20001, dtype=torch.float64) * 1e-4
        estimates = torch.linspace(-1.5, 1.5, 61, dtype=torch.float64)
        objective = kappa * grid.abs() + 0.5 * (grid - estimates[:, None]) ** 2
        expected = grid[objective.argmin(dim=1)]
        actual = ops.soft_threshold_(estimates.clone(), kappa)
        self.assertLessEqual((actual - expected).abs().max().item(), 1e-4)

    def test_known_values(self):
        values = torch.tensor([-2.0, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0])
        exact = ops.soft_threshold_(values.clone(), 0.5)
        self.assertEqual(exact.tolist(), [-1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 1.5])
        # 0.75 lies between κ and 2κ and is lost; |x| = κ is left alone.
        published = ops.soft_threshold_released_(values.clone(), 0.5)
        self.assertEqual(published.tolist(), [-1.5, -0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.5, 1.5])

    def test_agrees_bitwise_with_the_plain_formula(self):
        for operator, plain in VARIANTS.items():
            for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
                for kappa in (0.0, 0.005, 0.7):
                    with self.subTest(operator=operator, dtype=dtype, kappa=kappa):
                        values = activations(144, 16, dtype=dtype)
                        expected = plain(values, kappa)
                        self.assertTrue(torch.equal(operator(values, kappa), expected))

    def test_works_in_place_on_views(self):
        for operator, plain in VARIANTS.items():
            base = activations(6, 8)
            expected = base.clone()
            expected[:, ::2] = plain(base[:, ::2], 0.5)
            view = base[:, ::2]
            version = base._version
            self.assertEqual(operator(view, 0.5).data_ptr(), base.data_ptr())
            self.assertTrue(torch.equal(base, expected))
            self.assertEqual(base._version, version + 1)

    def test_nan_stays_and_infinity_stays(self):
        for operator in VARIANTS:
            result = operator(torch.tensor([float("nan"), float("inf"), -float("inf")]), 0.5)
            self.assertTrue(result[0].isnan())
            self.assertEqual(result[1:].tolist(), [float("inf"), -float("inf")])

    def test_a_leaf_that_requires_grad_is_refused_unless_grad_mode_is_off(self):
        for operator, plain in VARIANTS.items():
            leaf = activations(8, requires_grad=True)
            before = leaf.detach().clone()
            with self.assertRaisesRegex(RuntimeError, "a leaf Variable that requires grad"):
                operator(leaf, 0.5)
            self.assertTrue(torch.equal(leaf, before))
            with torch.no_grad():
                operator(leaf, 0.5)
            self.assertTrue(torch.equal(leaf, plain(before, 0.5)))

    def test_a_saved_tensor_changed_in_place_is_noticed(self):
        for operator in VARIANTS:
            leaf = activations(8, requires_grad=True)
            loss = leaf.square().sum()
            with torch.no_grad():
                operator(leaf, 0.5)
            with self.assertRaisesRegex(RuntimeError, "modified by an inplace operation"):
                loss.backward()

    def test_negative_kappa_is_an_error(self):
        for operator in VARIANTS:
            with self.assertRaisesRegex(RuntimeError, r"_: expected kappa >= 0, got -0\.5\. Check the threshold"):
                operator(torch.ones(2), -0.5)
            with self.assertRaisesRegex(RuntimeError, "expected kappa >= 0, got nan"):
                operator(torch.ones(2), float("nan"))

    def test_gradcheck(self):
        values = torch.tensor([-2.0, -0.2, 0.1, 0.8, 3.0], dtype=torch.float64, requires_grad=True)
        for operator in VARIANTS:
            self.assertTrue(gradcheck(lambda x: operator(x.clone(), 0.5), values))

    def test_opcheck(self):
        for operator in VARIANTS:
            opcheck(operator, (activations(4, 3), 0.5))
            opcheck(operator, (activations(4, 3, requires_grad=True) * 1, 0.5))
