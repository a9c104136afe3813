// Groups of processes: c10d's, over Gloo, and between GPUs over NCCL where that is asked for. Collectives
// need no code here: they are operators of the dispatcher, which know a group by its name.

#include "arguments.h"
#include "errors.h"
#include "module.h"
#include "nccl.h"
#include "promised.h"
#include "shared_store.h"

#ifdef CODYRA_HAS_C10D

#define USE_C10D_GLOO  // c10d's header is empty without it
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/distributed/c10d/GroupRegistry.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace codyra {
namespace {

class Gloo final : public c10d::ProcessGroupGloo {
 public:
  using ProcessGroupGloo::ProcessGroupGloo;

  // Collectives in flight fail at once, here and in the processes that wait for this one.
  void closeConnections() {
    for (const auto& context : contexts_) context->closeConnections();
  }
};

// Keeps the group alive, which the registry holds weakly. Destroyed with the environment at the latest: not
// by static destructors, which Gloo's threads would outlive.
struct Group {
  std::string name;
  c10::intrusive_ptr<Gloo> backend;
  c10::intrusive_ptr<c10d::Backend> nccl;  // null where GPUs communicate through Gloo
  c10::intrusive_ptr<c10d::ProcessGroup> group;

  void close() {
    if (!group) return;
    backend->closeConnections();
    if (nccl) nccl->abort();  // a collective that waits for a process that has ended would wait for hours
    c10d::unregister_process_group(name);
    group.reset();
    backend.reset();
    nccl.reset();
  }

  ~Group() { close(); }
};

constexpr auto kGloo = c10d::ProcessGroup::BackendType::GLOO;

// createGroup(store, name, rank, size, timeoutMs, withNccl); returns once all processes have called it
Napi::Value createGroup(const Napi::CallbackInfo& info) {
  const auto store = externalArgument<SharedStore>(info, 0, "a store").store;
  const std::string name = textArgument(info, 1);
  const int rank = info[2].ToNumber().Int32Value(), size = info[3].ToNumber().Int32Value();
  const std::chrono::milliseconds timeout(static_cast<int64_t>(numberOrNaN(info[4])));
  const bool withNccl = info[5].ToBoolean();
  return Promised<Group>::of(info.Env(), [=] {
    auto options = c10d::ProcessGroupGloo::Options::create_default(timeout);
    const auto keys = c10::make_intrusive<c10d::PrefixStore>(name, store);
    auto backend = c10::make_intrusive<Gloo>(keys, rank, size, std::move(options));
    auto group = c10::make_intrusive<c10d::ProcessGroup>(keys, rank, size);
    group->setBackend(c10::kCPU, kGloo, backend);
    c10::intrusive_ptr<c10d::Backend> nccl;
    if (withNccl) {
      nccl = makeNccl(c10::make_intrusive<c10d::PrefixStore>("nccl", keys), rank, size, timeout);
      group->setBackend(c10::kCUDA, c10d::ProcessGroup::BackendType::NCCL, nccl);
    } else {
      group->setBackend(c10::kCUDA, kGloo, backend);  // through the host's memory
    }
    group->setDefaultBackend(kGloo);
    group->setGroupName(name);
    c10d::register_process_group(name, group);
    return std::unique_ptr<Group>(new Group{name, std::move(backend), std::move(nccl), std::move(group)});
  });
}

Napi::Value hasNcclValue(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), hasNccl()); }

Napi::Value closeGroup(const Napi::CallbackInfo& info) {
  externalArgument<Group>(info, 0, "a process group").close();
  return info.Env().Undefined();
}

// How many collectives this process has issued, by the group's own count.
Napi::Value collectivesIssued(const Napi::CallbackInfo& info) {
  auto& group = externalArgument<Group>(info, 0, "a process group");
  if (!group.backend) throw std::invalid_argument("the process group is closed.");
  return Napi::Number::New(info.Env(), static_cast<double>(group.backend->getSequenceNumberForGroup()));
}

// How many collectives of this process nobody has waited for yet.
Napi::Value collectivesInFlight(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(c10d::get_work_registry_size()));
}

// Waits for a collective without holding up JavaScript.
Napi::Value waitForCollective(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = tensorArgument(info, 0);
  return Promised<Group>::of(info.Env(), [tensor] {
    static const auto wait = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("_c10d_functional::wait_tensor", "")
                                 .typed<at::Tensor(const at::Tensor&)>();
    wait.call(tensor);
    return std::unique_ptr<Group>();
  });
}

}  // namespace

void exportDistributed(Napi::Object exports) {
  exportFunction<createGroup>(exports, "createGroup");
  exportFunction<hasNcclValue>(exports, "hasNccl");
  exportFunction<closeGroup>(exports, "closeGroup");
  exportFunction<collectivesIssued>(exports, "collectivesIssued");
  exportFunction<collectivesInFlight>(exports, "collectivesInFlight");
  exportFunction<waitForCollective>(exports, "waitForCollective");
}

}  // namespace codyra

#else

namespace codyra {

void exportDistributed(Napi::Object) {}

}  // namespace codyra

#endif
