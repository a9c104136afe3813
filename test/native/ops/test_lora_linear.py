"""lora_linear and lora_linear_stacked: values, gradients, tracing, errors."""

import unittest

import torch
from torch.autograd import gradcheck
from torch.library import opcheck

from reference import activations, factors, lora_linear, ops, relative_error

SINGLE, STACKED = None, 3
OPERATORS = {SINGLE: ops.lora_linear, STACKED: ops.lora_linear_stacked}
# Two roundings of W_eff against one of the sum: float32 stays far below 1e-5, bfloat16 has 8 bits.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}


class LoraLinear(unittest.TestCase):
    def assert_agrees(self, operator, x, arguments, tolerance=1e-5):
        """Output and every gradient agree with the plain formula evaluated in float64."""

        def evaluate(function, inputs):
            inputs = [None if t is None else t.detach().requires_grad_() for t in inputs]
            output = function(*inputs)
            probe = activations(*output.shape, seed=2).to(output.dtype)
            wanted = [t for t in inputs if t is not None]
            return [output.detach(), *torch.autograd.grad((output * probe).sum(), wanted)]

        inputs = (x, *arguments)
        expected = evaluate(lora_linear, [None if t is None else t.double() for t in inputs])
        for actual, reference in zip(evaluate(operator, inputs), expected, strict=True):
            self.assertEqual(actual.shape, reference.shape)
            self.assertEqual(actual.dtype, x.dtype)
            self.assertLessEqual(relative_error(actual, reference), tolerance)

    def test_agrees_with_the_plain_formula_in_every_dtype(self):
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                for dtype, tolerance in TOLERANCE.items():
                    with self.subTest(dtype=dtype):
                        x = activations(5, 7, 96, dtype=dtype)
                        self.assert_agrees(operator, x, factors(64, 96, 8, projections, dtype), tolerance)

    def test_agrees_for_every_layout_of_x(self):
        layouts = {
            "1-D": activations(32),
            "2-D": activations(6, 32),
            "3-D": activations(2, 3, 32),
            "4-D": activations(2, 3, 2, 32),
            "transposed": activations(32, 6).T,
            "sequence first": activations(5, 2, 32).transpose(0, 1),
            "strided": activations(6, 64)[:, ::2],
            "expanded": activations(1, 32).expand(4, 32),
            "empty batch": activations(0, 3, 32),
        }
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                for name, x in layouts.items():
                    with self.subTest(layout=name):
                        self.assert_agrees(operator, x, factors(16, 32, 4, projections))

    def test_agrees_at_the_shapes_of_vit_b_16(self):
        self.assert_agrees(ops.lora_linear, activations(2, 197, 768), factors(3072, 768, 16))
        self.assert_agrees(ops.lora_linear_stacked, activations(2, 197, 768), factors(768, 768, 16, 3))

    def test_agrees_for_ranks_in_sixteens_and_odd_sizes(self):
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                self.assert_agrees(operator, activations(139, 45), factors(27, 45, 32, projections))

    def test_agrees_without_bias(self):
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                weight, _, *adapter = factors(16, 32, 4, projections)
                self.assert_agrees(operator, activations(5, 32), (weight, None, *adapter))

    def test_agrees_with_a_transposed_weight(self):
        weight, *rest = factors(16, 32, 4)
        self.assert_agrees(ops.lora_linear, activations(5, 32), (weight.T.contiguous().T, *rest))

    def test_pruned_ranks_and_rank_zero_leave_a_plain_linear_layer(self):
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                x = activations(5, 32)
                for rank in (0, 4):
                    weight, bias, lora_a, lora_b, importance = factors(16, 32, rank, projections)
                    zeros = torch.zeros_like(importance)
                    output = operator(x, weight, bias, lora_a, lora_b, zeros)
                    self.assertTrue(torch.equal(output, torch.nn.functional.linear(x, weight, bias)))
                    self.assert_agrees(operator, x, (weight, bias, lora_a, lora_b, zeros))

    def test_a_pruned_rank_still_gets_a_gradient_for_its_importance_only(self):
        weight, bias, *adapter = factors(16, 32, 4)
        lora_a, lora_b, importance = [t.requires_grad_() for t in adapter]
        with torch.no_grad():
            importance[1] = 0
        ops.lora_linear(activations(5, 32), weight, bias, lora_a, lora_b, importance).square().sum().backward()
        self.assertEqual(lora_a.grad[1].abs().max().item(), 0)
        self.assertEqual(lora_b.grad[:, 1].abs().max().item(), 0)
        self.assertGreater(importance.grad[1].abs().item(), 0)
        self.assertIsNone(weight.grad)
        self.assertIsNone(bias.grad)

    def test_stacked_is_the_single_operator_for_each_projection(self):
        x = activations(5, 32)
        weight, bias, lora_a, lora_b, importance = factors(16, 32, 4, 3)
        parts = [
            ops.lora_linear(x, *each)
            for each in zip(weight.chunk(3), bias.chunk(3), lora_a, lora_b, importance)
        ]
        output = ops.lora_linear_stacked(x, weight, bias, lora_a, lora_b, importance)
        self.assertLessEqual(relative_error(output, torch.cat(parts, dim=-1)), 1e-6)

    def test_gradcheck(self):
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                x = activations(2, 3, 4, dtype=torch.float64, requires_grad=True)
                weight, bias, *adapter = factors(5, 4, 2, projections, torch.float64, requires_grad=True)
                self.assertTrue(gradcheck(operator, (x, weight, bias, *adapter)))
                self.assertTrue(gradcheck(operator, (x, weight, None, *adapter)))
                self.assertTrue(gradcheck(operator, (x, weight.detach(), bias.detach(), *adapter)))
                self.assertTrue(gradcheck(operator, (x.detach(), weight.detach(), bias, *adapter)))

    def test_opcheck(self):
        for projections, operator in OPERATORS.items():
            with self.subTest(operator=operator):
                weight, bias, *adapter = factors(5, 4, 2, projections)
                trained = [t.detach().requires_grad_() for t in adapter]
                x = activations(2, 3, 4, requires_grad=True)
                opcheck(operator, (x, weight, bias, *adapter))
                opcheck(operator, (x, weight, None, *trained))
                opcheck(operator, (x, weight.detach().requires_grad_(), bias.detach().requires_grad_(), *trained))

    def test_opcheck_of_the_backward_for_every_mask_in_use(self):
        weight, _, *adapter = factors(5, 4, 2, 3)
        arguments = (activations(2, 3, 15, seed=2), activations(2, 3, 4), weight, *adapter)
        for mask in ([True] * 6, [True, False, False, True, True, True], [False] * 5 + [True]):
            opcheck(ops.lora_linear_backward, (*arguments, mask))

    def test_the_backward_computes_only_what_is_asked_for(self):
        weight, _, *adapter = factors(5, 4, 2, 3)
        arguments = (activations(2, 3, 15, seed=2), activations(2, 3, 4), weight, *adapter)
        for wanted in range(6):
            mask = [i == wanted for i in range(6)]
            gradients = ops.lora_linear_backward(*arguments, mask)
            self.assertEqual([g is not None for g in gradients], mask)

    def test_a_second_derivative_is_refused(self):
        arguments = factors(5, 4, 2, requires_grad=True)
        output = ops.lora_linear(activations(3, 4, requires_grad=True), *arguments).sum()
        (gradient,) = torch.autograd.grad(output, [arguments[2]], create_graph=True)
        with self.assertRaisesRegex(RuntimeError, "lora_linear_backward.* not implemented"):
            gradient.sum().backward()

    def test_errors_name_the_argument_and_both_values(self):
        x = activations(3, 32)
        weight, bias, lora_a, lora_b, importance = factors(16, 32, 4)
        cases = [
            ((x, weight, bias, lora_a, lora_b[:, :2], importance),
             r"codyra::lora_linear: expected lora_b\.shape\[1\] = 4 \(rank of lora_a \[4, 32\]\), got 2\. "
             r"Build both from one config\."),
            ((x, weight, bias, lora_a[:, :8], lora_b, importance),
             r"expected lora_a\.shape\[1\] = 32 \(in_features of weight \[16, 32\]\), got 8\. "),
            ((x, weight, bias, lora_a, lora_b[:8], importance),
             r"expected lora_b\.shape\[0\] = 16 \(out_features of weight \[16, 32\]\), got 8\. "),
            ((x, weight, bias, lora_a, lora_b, importance[:3]),
             r"expected importance\.shape\[0\] = 4 \(rank of lora_a \[4, 32\]\), got 3\. "),
            ((x[:, :31], weight, bias, lora_a, lora_b, importance),
             r"expected x\.shape\[1\] = 32 \(in_features of weight \[16, 32\]\), got 31\. "),
            ((x, weight, bias[:15], lora_a, lora_b, importance),
             r"expected bias\.shape\[0\] = 16 \(out_features of weight \[16, 32\]\), got 15\. "),
            ((x, weight, bias, lora_a[None], lora_b, importance),
             r"expected lora_a to have 2 dimensions \[rank, in_features\], got \[1, 4, 32\]\. "),
            ((x[0, 0], weight, bias, lora_a, lora_b, importance),
             r"expected x of shape \[\.\.\., 32\], got a scalar\. "),
            ((x.double(), weight, bias, lora_a, lora_b, importance),
             r"expected x of dtype Float \(dtype of weight\), or of a 16-bit one beside a Float weight, got Double\. Convert"),
            ((x, weight, bias, lora_a, lora_b, importance.half()),
             r"expected importance of dtype Float \(dtype of weight\), got Half\. "),
        ]
        for arguments, message in cases:
            with self.subTest(message=message), self.assertRaisesRegex(RuntimeError, message):
                ops.lora_linear(*arguments)

    def test_errors_of_the_stacked_operator(self):
        x = activations(3, 32)
        weight, bias, lora_a, lora_b, importance = factors(16, 32, 4, 3)
        cases = [
            ((x, weight, bias, lora_a, lora_b[:2], importance),
             r"codyra::lora_linear_stacked: expected lora_b\.shape\[0\] = 3 \(projections of lora_a \[3, 4, 32\]\), "
             r"got 2\. Build both from one config\."),
            ((x, weight[:47], bias[:47], lora_a, lora_b, importance),
             r"expected weight\.shape\[0\] = 48 \(projections x out_features of lora_b \[3, 16, 4\]\), got 47\. "),
            ((x, weight, bias, lora_a[0], lora_b, importance),
             r"expected lora_a to have 3 dimensions \[projections, rank, in_features\], got \[4, 32\]\. "),
        ]
        for arguments, message in cases:
            with self.subTest(message=message), self.assertRaisesRegex(RuntimeError, message):
                ops.lora_linear_stacked(*arguments)


class MixedPrecision(unittest.TestCase):
    """Activations of 16 bits beside a weight and factors in float32."""

    def gradients(self, function, inputs):
        inputs = [t.detach().requires_grad_() for t in inputs]
        output = function(*inputs)
        probe = activations(*output.shape, seed=2).to(output.dtype)
        return [output.detach(), *torch.autograd.grad((output * probe).sum(), inputs)]

    def test_agrees_with_the_plain_formula_and_keeps_every_dtype(self):
        for projections, operator in OPERATORS.items():
            for dtype in (torch.bfloat16, torch.float16):
                with self.subTest(operator=operator, dtype=dtype):
                    weight, bias, *adapter = factors(64, 96, 8, projections)
                    inputs = (activations(5, 7, 96, dtype=dtype), weight, bias.to(dtype), *adapter)
                    expected = self.gradients(lora_linear, [t.double() for t in inputs])
                    actual = self.gradients(operator, inputs)
                    self.assertEqual([t.dtype for t in actual], [dtype, *(t.dtype for t in inputs)])
                    for result, reference in zip(actual, expected, strict=True):
                        self.assertLessEqual(relative_error(result, reference), TOLERANCE[dtype])

    def test_small_updates_are_added_before_rounding(self):
        # 200 updates of a hundredth of bfloat16's resolution: added to a rounded weight they would all be
        # lost.
        weight, x = torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bfloat16)
        lora_a, lora_b, importance = torch.full((200, 1), 2**-14), torch.ones(1, 200), torch.ones(200)
        output = ops.lora_linear(x, weight, None, lora_a, lora_b, importance)
        self.assertEqual(output.item(), torch.tensor(1 + 200 * 2**-14).bfloat16().item())
        self.assertGreater(output.item(), 1)

    def test_an_effective_weight_at_hand_changes_nothing(self):
        for dtype in (torch.float32, torch.bfloat16):
            weight, bias, *adapter = factors(64, 96, 8, STACKED)
            inputs = (activations(5, 7, 96, dtype=dtype), weight, bias.to(dtype), *adapter)
            (effective,) = ops.effective_weights([weight], *([t] for t in adapter), dtype=dtype)

            def with_effective(*arguments):
                return ops.lora_linear_stacked(*arguments, effective=effective)

            pairs = zip(self.gradients(with_effective, inputs), self.gradients(ops.lora_linear_stacked, inputs), strict=True)
            for actual, expected in pairs:
                self.assertLessEqual(relative_error(actual, expected), 1e-5 if dtype == torch.float32 else 1e-2)

    def test_autocast_lowers_the_activations_only(self):
        weight, bias, *adapter = factors(64, 96, 8, STACKED, requires_grad=True)
        x = activations(5, 7, 96, requires_grad=True)
        with torch.autocast("cpu", torch.bfloat16):
            output = ops.lora_linear_stacked(x, weight, bias, *adapter)
        lowered = ops.lora_linear_stacked(x.bfloat16(), weight, bias.bfloat16(), *adapter)
        self.assertTrue(torch.equal(output, lowered))
        output.float().square().sum().backward()
        for tensor in (x, weight, bias, *adapter):
            self.assertEqual(tensor.grad.dtype, torch.float32)

    def test_errors(self):
        weight, bias, *adapter = factors(16, 32, 4, STACKED)
        x = activations(5, 32)
        for effective, message in (
            (weight[1:], r"expected effective of shape \[48, 32\] \(shape of weight\), got \[47, 32\]\. Form it with"),
            (weight.bfloat16(), r"expected effective of dtype Float \(dtype of x\), got BFloat16\. "),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(RuntimeError, message):
                ops.lora_linear_stacked(x, weight, bias, *adapter, effective=effective)
        with self.assertRaisesRegex(RuntimeError, r"expected bias of dtype BFloat16 \(dtype of x\), got Float\. "):
            ops.lora_linear_stacked(x.bfloat16(), weight, bias, *adapter)

    def test_opcheck(self):
        weight, bias, *adapter = factors(5, 4, 2, STACKED, requires_grad=True)
        x = activations(3, 4, dtype=torch.bfloat16, requires_grad=True)
        opcheck(ops.lora_linear_stacked, (x, weight, bias.bfloat16(), *adapter))
        effective = torch.zeros_like(weight, dtype=torch.bfloat16)
        opcheck(ops.lora_linear_stacked, (x, weight, bias.bfloat16(), *adapter), {"effective": effective})


class Activated(unittest.TestCase):
    """An activation of x that is computed again in the backward pass."""

    PLAIN = {
        "quick_gelu": ops.quick_gelu,
        "gelu": torch.nn.functional.gelu,
        "gelu_pytorch_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    }

    def evaluate(self, function, x, arguments):
        """Output, gradients, and how many elements of activations of x's shape are kept for the backward pass."""
        inputs = [t.detach().requires_grad_() for t in (x, *arguments)]
        kept = {}

        def pack(tensor):
            if tensor.shape == x.shape:
                kept[tensor.untyped_storage().data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = function(*inputs)
        gradients = torch.autograd.grad(output.float().square().sum(), inputs)
        return [output.detach(), *gradients], sum(kept.values())

    def test_has_the_bits_of_the_activation_applied_before_and_keeps_less(self):
        for dtype in (torch.float32, torch.bfloat16):
            for name, activation in self.PLAIN.items():
                with self.subTest(activation=name, dtype=dtype):
                    weight, bias, *adapter = factors(16, 96, 4, STACKED)
                    x = activations(5, 7, 96, dtype=dtype)
                    arguments = (weight, bias.to(dtype), *adapter)
                    actual, kept = self.evaluate(
                        lambda *inputs: ops.lora_linear_stacked(*inputs, activation=name), x, arguments
                    )
                    expected, more = self.evaluate(
                        lambda x, *rest: ops.lora_linear_stacked(activation(x), *rest), x, arguments
                    )
                    for result, reference in zip(actual, expected, strict=True):
                        self.assertTrue(torch.equal(result, reference))
                    self.assertEqual((kept, more), (x.numel(), 2 * x.numel()))

    def test_under_autocast_the_activation_is_lowered_too(self):
        weight, bias, *adapter = factors(16, 96, 4, STACKED)
        x = activations(5, 96)
        with torch.autocast("cpu", torch.bfloat16):
            output = ops.lora_linear_stacked(x, weight, bias, *adapter, activation="quick_gelu")
        lowered = ops.quick_gelu(x.bfloat16())
        self.assertTrue(torch.equal(output, ops.lora_linear_stacked(lowered, weight, bias.bfloat16(), *adapter)))

    def test_gradcheck(self):
        for name in self.PLAIN:
            with self.subTest(activation=name):
                x = activations(3, 4, dtype=torch.float64, requires_grad=True)
                arguments = factors(5, 4, 2, STACKED, torch.float64, requires_grad=True)
                self.assertTrue(
                    gradcheck(lambda *inputs: ops.lora_linear_stacked(*inputs, activation=name), (x, *arguments))
                )

    def test_opcheck(self):
        arguments = factors(5, 4, 2, STACKED, requires_grad=True)
        x = activations(3, 4, requires_grad=True)
        for name in self.PLAIN:
            opcheck(ops.lora_linear_stacked, (x, *arguments), {"activation": name})

    def test_a_gradient_of_other_rows_is_refused(self):
        weight, _, *adapter = factors(4, 8, 16, 1)
        x, grad = activations(10, 8), activations(9, 4)
        with self.assertRaisesRegex(RuntimeError, r"lora_linear_backward: expected grad of as many rows as x \[10, 8\]"):
            ops.lora_linear_backward(grad, x, weight, *adapter, [True] * 6)
        with self.assertRaisesRegex(RuntimeError, r"lora_linear_backward: expected lora_a\.shape\[2\] = 8"):
            ops.lora_linear_backward(activations(10, 4), x, weight, adapter[0][..., :4], *adapter[1:], [True] * 6)

    def test_an_unknown_activation_is_refused(self):
        message = r"expected activation quick_gelu, gelu or gelu_pytorch_tanh, got relu\. Apply others to x before\."
        with self.assertRaisesRegex(RuntimeError, message):
            ops.lora_linear_stacked(activations(3, 4), *factors(5, 4, 2, STACKED), activation="relu")
