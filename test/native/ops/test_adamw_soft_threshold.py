"""adamw_soft_threshold_: parity with torch.optim.AdamW followed by a plain threshold."""

import unittest

import torch
from torch.library import opcheck

from reference import activations, ops, relative_error, soft_threshold, soft_threshold_released

SETTINGS = {"lr": 0.05, "beta1": 0.9, "beta2": 0.9999, "eps": 1e-8, "weight_decay": 0.1}


def state(*shape, dtype=torch.float32):
    """parameters, grad, exp_avg, exp_avg_sq in the middle of a run."""
    return [
        activations(*shape, dtype=dtype),
        activations(*shape, dtype=dtype, seed=2),
        activations(*shape, dtype=dtype, seed=3) * 0.1,
        activations(*shape, dtype=dtype, seed=4).square(),
    ]


class AdamWSoftThreshold(unittest.TestCase):
    def run_both(self, dtype, kappa, released, steps=20, layout=torch.clone):
        """`steps` steps of the operator and of torch.optim.AdamW + threshold from one start; returns both results."""
        plain = soft_threshold_released if released else soft_threshold
        start = activations(36, 16, dtype=dtype)
        parameter = torch.nn.Parameter(start.double().clone())
        optimizer = torch.optim.AdamW(
            [parameter], lr=SETTINGS["lr"], betas=(SETTINGS["beta1"], SETTINGS["beta2"]),
            eps=SETTINGS["eps"], weight_decay=SETTINGS["weight_decay"],
        )
        parameters = layout(start)
        exp_avg, exp_avg_sq = torch.zeros_like(parameters), torch.zeros_like(parameters)
        for step in range(1, steps + 1):
            grad = activations(36, 16, dtype=dtype, seed=100 + step)
            ops.adamw_soft_threshold_(
                parameters, layout(grad), exp_avg, exp_avg_sq,
                step=step, kappa=kappa, released=released, **SETTINGS,
            )
            parameter.grad = grad.double()
            optimizer.step()
            if kappa > 0:
                parameter.data = plain(parameter.data, kappa)
        return parameters, parameter.detach()

    def test_twenty_steps_agree_with_torch_optim_adamw(self):
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 5e-2)):
            for kappa, released in ((0.0, False), (0.005, False), (0.005, True)):
                with self.subTest(dtype=dtype, kappa=kappa, released=released):
                    actual, expected = self.run_both(dtype, kappa, released)
                    self.assertLessEqual(relative_error(actual, expected), tolerance)
                    if dtype != torch.bfloat16:
                        self.assertTrue(torch.equal(actual == 0, expected == 0))

    def test_layouts_without_a_fast_path_agree_too(self):
        def transposed(tensor):
            return tensor.T.contiguous().T

        def strided(tensor):
            return tensor.repeat_interleave(2, dim=1)[:, ::2]

        for layout in (transposed, strided):
            actual, expected = self.run_both(torch.float32, 0.005, False, layout=layout)
            self.assertLessEqual(relative_error(actual, expected), 1e-5)

    def test_agrees_bitwise_with_a_step_followed_by_the_threshold_operator(self):
        # More elements than one thread's share, so that the pass is split.
        for released, threshold in ((False, ops.soft_threshold_), (True, ops.soft_threshold_released_)):
            fused, separate = state(100_003), state(100_003)
            ops.adamw_soft_threshold_(*fused, step=7, kappa=0.3, released=released, **SETTINGS)
            ops.adamw_soft_threshold_(*separate, step=7, kappa=0.0, **SETTINGS)
            threshold(separate[0], 0.3)
            for actual, expected in zip(fused, separate, strict=True):
                self.assertTrue(torch.equal(actual, expected))

    def test_elements_before_first_are_only_stepped(self):
        for count in (8, 100_003):  # one thread's share, and more
            whole, head, tail = state(count), state(count), state(count)
            ops.adamw_soft_threshold_(*whole, step=7, kappa=0.3, first=5, **SETTINGS)
            ops.adamw_soft_threshold_(*head, step=7, kappa=0.0, **SETTINGS)
            ops.adamw_soft_threshold_(*tail, step=7, kappa=0.3, **SETTINGS)
            for actual, stepped, thresholded in zip(whole, head, tail, strict=True):
                self.assertTrue(torch.equal(actual[:5], stepped[:5]))
                self.assertTrue(torch.equal(actual[5:], thresholded[5:]))
            self.assertGreater((whole[0][5:] == 0).sum().item(), 0)
            self.assertEqual((whole[0][:5] == 0).sum().item(), 0)

    def test_a_schedule_in_a_tensor_is_the_same_step(self):
        numbers, tensor = state(100), state(100)
        constants = {name: value for name, value in SETTINGS.items() if name != "lr"}
        ops.adamw_soft_threshold_(*numbers, step=7, kappa=0.3, first=5, **SETTINGS)
        schedule = torch.tensor([SETTINGS["lr"], 0.3, 7], dtype=torch.float64)
        ops.adamw_soft_threshold_.schedule(*tensor, schedule, first=5, **constants)
        for actual, expected in zip(tensor, numbers, strict=True):
            self.assertTrue(torch.equal(actual, expected))

    def test_nan_in_the_gradient_reaches_the_weight(self):
        arguments = state(8)
        arguments[1][3] = float("nan")
        ops.adamw_soft_threshold_(*arguments, step=1, kappa=0.5, **SETTINGS)
        self.assertEqual(arguments[0].isnan().nonzero().flatten().tolist(), [3])

    def test_versions_of_all_mutated_tensors_rise(self):
        arguments = state(8)
        before = [t._version for t in arguments]
        ops.adamw_soft_threshold_(*arguments, step=1, kappa=0.5, **SETTINGS)
        self.assertEqual([t._version - v for t, v in zip(arguments, before)], [1, 0, 1, 1])

    def test_a_weight_that_requires_grad_is_refused_unless_grad_mode_is_off(self):
        arguments = state(8)
        before = arguments[0].clone()
        arguments[0].requires_grad_()
        with self.assertRaisesRegex(RuntimeError, "expected grad mode off, because parameters requires grad, got"):
            ops.adamw_soft_threshold_(*arguments, step=1, kappa=0.5, **SETTINGS)
        self.assertTrue(torch.equal(arguments[0], before))
        with torch.no_grad():
            ops.adamw_soft_threshold_(*arguments, step=1, kappa=0.5, **SETTINGS)
        self.assertFalse(torch.equal(arguments[0], before))

    def test_errors(self):
        parameters, grad, exp_avg, exp_avg_sq = state(8)
        cases = [
            ((parameters, grad[:7], exp_avg, exp_avg_sq), {},
             r"codyra::adamw_soft_threshold_: expected grad of shape \[8\] \(shape of parameters\), got \[7\]\. "),
            ((parameters, grad, exp_avg.double(), exp_avg_sq), {},
             r"expected exp_avg of dtype Float \(dtype of parameters\), got Double\. "),
            ((parameters, grad, exp_avg, exp_avg_sq), {"step": 0}, r"expected step >= 1, got 0\. The first step is 1\."),
            ((parameters, grad, exp_avg, exp_avg_sq), {"kappa": -1.0}, r"expected kappa >= 0, got -1\. "),
            ((parameters, grad, exp_avg, exp_avg_sq), {"first": 9},
             r"expected first between 0 and 8 \(elements of parameters\), got 9\. "),
            (tuple(torch.ones(8, 2).T for _ in range(4)), {"first": 1}, r"expected contiguous parameters, .* \[1, 2\]\. "),
        ]
        for arguments, changed, message in cases:
            with self.subTest(message=message), self.assertRaisesRegex(RuntimeError, message):
                ops.adamw_soft_threshold_(*arguments, **{"step": 1, "kappa": 0.5, **SETTINGS, **changed})

    def test_opcheck(self):
        for released in (False, True):
            opcheck(ops.adamw_soft_threshold_.default, tuple(state(6, 4)),
                    {"step": 3, "kappa": 0.2, "released": released, "first": 10, **SETTINGS})
