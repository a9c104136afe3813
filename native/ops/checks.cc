#include "checks.h"

#include <ATen/MemoryOverlap.h>

namespace codyra {
namespace {

void check_dim(const char* op, const char* name, const at::Tensor& tensor, int64_t dim, const char* layout) {
  TORCH_CHECK(tensor.dim() == dim, op, ": expected ", name, " to have ", dim, " dimensions ", layout,
              ", got ", tensor.sym_sizes(),
              ". Reshape it, or choose between lora_linear and lora_linear_stacked.");
}

void check_size(const char* op, const char* name, const at::Tensor& tensor, int64_t dim,
                const c10::SymInt& expected, const char* role, const char* source_name,
                const at::Tensor& source, const char* remedy) {
  TORCH_CHECK(tensor.sym_size(dim) == expected, op, ": expected ", name, ".shape[", dim, "] = ", expected,
              " (", role, " of ", source_name, " ", source.sym_sizes(), "), got ", tensor.sym_size(dim), ". ",
              remedy);
}

bool is_reduced(const at::Tensor& x, const at::Tensor& weight) {
  return at::isReducedFloatingType(x.scalar_type()) && weight.scalar_type() == at::kFloat;
}

}  // namespace

void check_dtype(const char* op, const char* name, const at::Tensor& tensor, const char* reference_name,
                 const at::Tensor& reference) {
  TORCH_CHECK(tensor.scalar_type() == reference.scalar_type(), op, ": expected ", name, " of dtype ",
              reference.scalar_type(), " (dtype of ", reference_name, "), got ", tensor.scalar_type(),
              ". Convert one of them.");
}

void check_kappa(const char* op, double kappa) {
  TORCH_CHECK(kappa >= 0, op, ": expected kappa >= 0, got ", kappa, ". Check the threshold schedule.");
}

void check_factors(const char* op, bool stacked, const at::Tensor& weight, const at::Tensor& lora_a,
                   const at::Tensor& lora_b, const at::Tensor& importance) {
  constexpr auto one_config = "Build both from one config.";
  const int64_t stack = stacked ? 1 : 0;
  check_dim(op, "weight", weight, 2, "[out_features, in_features]");
  check_dim(op, "lora_a", lora_a, stack + 2,
            stacked ? "[projections, rank, in_features]" : "[rank, in_features]");
  check_dim(op, "lora_b", lora_b, stack + 2,
            stacked ? "[projections, out_features, rank]" : "[out_features, rank]");
  check_dim(op, "importance", importance, stack + 1, stacked ? "[projections, rank]" : "[rank]");

  const auto rank = lora_a.sym_size(stack);
  check_size(op, "lora_a", lora_a, stack + 1, weight.sym_size(1), "in_features", "weight", weight,
             one_config);
  check_size(op, "lora_b", lora_b, stack + 1, rank, "rank", "lora_a", lora_a, one_config);
  check_size(op, "importance", importance, stack, rank, "rank", "lora_a", lora_a, one_config);
  if (stacked) {
    const auto projections = lora_a.sym_size(0);
    check_size(op, "lora_b", lora_b, 0, projections, "projections", "lora_a", lora_a, one_config);
    check_size(op, "importance", importance, 0, projections, "projections", "lora_a", lora_a, one_config);
    check_size(op, "weight", weight, 0, projections * lora_b.sym_size(1), "projections x out_features",
               "lora_b", lora_b, "Stack the projections along the first dimension.");
  } else {
    check_size(op, "lora_b", lora_b, 0, weight.sym_size(0), "out_features", "weight", weight, one_config);
  }

  check_dtype(op, "lora_a", lora_a, "weight", weight);
  check_dtype(op, "lora_b", lora_b, "weight", weight);
  check_dtype(op, "importance", importance, "weight", weight);
}

void check_layers(const char* op, at::TensorList weights, at::TensorList lora_a, at::TensorList lora_b,
                  at::TensorList importance) {
  TORCH_CHECK(weights.size() > 0, op,
              ": expected at least one layer, got none. Pass the adapted layers of a model.");
  const auto check = [&](const char* argument, at::TensorList tensors) {
    TORCH_CHECK(tensors.size() == weights.size(), op, ": expected ", weights.size(), " tensors in ", argument,
                " (one for each of weights), got ", tensors.size(), ". Pass one of each for every layer.");
  };
  check("lora_a", lora_a);
  check("lora_b", lora_b);
  check("importance", importance);
  for (size_t i = 0; i < weights.size(); i++) {
    check_factors(op, /*stacked=*/true, weights[i], lora_a[i], lora_b[i], importance[i]);
  }
}

void check_writable(const char* op, const at::Tensor& weight, at::TensorList read) {
  at::assert_no_internal_overlap(weight);
  for (const auto& tensor : read) {
    const auto overlap = at::get_overlap_status(weight, tensor);
    TORCH_CHECK(
        overlap != at::MemOverlapStatus::Full && overlap != at::MemOverlapStatus::Partial, op,
        ": expected factors that share no memory with the weight they are added to, got some of shape ",
        tensor.sym_sizes(), " that do. Clone them.");
  }
}

void check_distinct(const char* op, at::TensorList weights) {
  for (size_t i = 0; i < weights.size(); i++) {
    for (size_t j = 0; j < i; j++) {
      const auto overlap = at::get_overlap_status(weights[j], weights[i]);
      TORCH_CHECK(overlap != at::MemOverlapStatus::Full && overlap != at::MemOverlapStatus::Partial, op,
                  ": expected weights that share no memory, got weights ", j, " and ", i,
                  " that do. List every weight once.");
    }
  }
}

void check_input(const char* op, const at::Tensor& x, const at::Tensor& weight,
                 const std::optional<at::Tensor>& bias) {
  TORCH_CHECK(x.dim() >= 1, op, ": expected x of shape [..., ", weight.sym_size(1),
              "], got a scalar. Give it a feature dimension.");
  check_size(op, "x", x, x.dim() - 1, weight.sym_size(1), "in_features", "weight", weight,
             "Pass the activations this layer was made for.");
  TORCH_CHECK(x.scalar_type() == weight.scalar_type() || is_reduced(x, weight), op, ": expected x of dtype ",
              weight.scalar_type(), " (dtype of weight), or of a 16-bit one beside a Float weight, got ",
              x.scalar_type(), ". Convert one of them.");
  if (bias && bias->defined()) {
    check_dim(op, "bias", *bias, 1, "[out_features]");
    check_size(op, "bias", *bias, 0, weight.sym_size(0), "out_features", "weight", weight,
               "Take both from one checkpoint.");
    check_dtype(op, "bias", *bias, "x", x);
  }
}

void check_effective(const char* op, const at::Tensor& effective, const at::Tensor& weight,
                     const at::Tensor& x) {
  TORCH_CHECK(effective.sym_sizes() == weight.sym_sizes(), op, ": expected effective of shape ",
              weight.sym_sizes(), " (shape of weight), got ", effective.sym_sizes(),
              ". Form it with effective_weights.");
  check_dtype(op, "effective", effective, "x", x);
}

}  // namespace codyra
