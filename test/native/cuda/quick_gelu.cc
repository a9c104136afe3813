// quick_gelu ORDER BLOCKS COUNT < x, grad (empty for the forward), result > result
#include "arrays.h"
#include "device.h"
#include "quick_gelu.cu"

int main(int, char** arguments) {
  emulation::Numbers numbers(arguments);
  const auto order = static_cast<emulation::Order>(numbers.take());
  const auto blocks = static_cast<unsigned>(numbers.take());
  const auto count = static_cast<long long>(numbers.take());
  emulation::Array x, grad, result;
  emulation::run_grid(blocks, 256, order, [&] {
    quick_gelu(x.data<SCALAR>(), grad.data<SCALAR>(), result.data<SCALAR>(), count);
  });
  result.write();
}
