//     adamw_soft_threshold ORDER BLOCKS COUNT FIRST BETA1 BETA2 EPS WEIGHT_DECAY REFERENCE LR KAPPA STEP
// reads w, g, m, v and the schedule on the device (empty if the host has it), and writes w, m, v.
#include "arrays.h"
#include "device.h"
#include "adamw_soft_threshold.cu"

int main(int, char** arguments) {
  emulation::Numbers numbers(arguments);
  const auto order = static_cast<emulation::Order>(numbers.take());
  const auto blocks = static_cast<unsigned>(numbers.take());
  const auto count = static_cast<long long>(numbers.take());
  const auto first = static_cast<long long>(numbers.take());
  AdamW options;
  options.beta1 = numbers.take();
  options.beta2 = numbers.take();
  options.eps = numbers.take();
  options.weight_decay = numbers.take();
  options.released = numbers.take() != 0;
  Schedule schedule;
  schedule.lr = numbers.take();
  schedule.kappa = numbers.take();
  schedule.step = numbers.take();
  emulation::Array w, g, m, v, device_schedule;
  emulation::run_grid(blocks, 256, order, [&] {
    adamw_soft_threshold(w.data<SCALAR>(), g.data<SCALAR>(), m.data<SCALAR>(), v.data<SCALAR>(), count, first, options,
                         schedule, device_schedule.data<Schedule>());
  });
  for (const auto* array : {&w, &m, &v}) array->write();
}
