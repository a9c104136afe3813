// The store by which processes find each other, and tell whether they are alive while JavaScript waits.

#include "arguments.h"
#include "errors.h"
#include "module.h"
#include "promised.h"
#include "shared_store.h"

#ifdef CODYRA_HAS_C10D

#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace codyra {
namespace {

using std::chrono::milliseconds;

SharedStore& storeArgument(const Napi::CallbackInfo& info, size_t i) {
  auto& shared = externalArgument<SharedStore>(info, i, "a store");
  if (!shared.store) throw std::invalid_argument("the store is closed.");
  return shared;
}

// openStore(host, port, isServer, prefix, timeoutMs)
Napi::Value openStore(const Napi::CallbackInfo& info) {
  c10::initLogging();  // reads TORCH_CPP_LOG_LEVEL, as starting Python does: c10d logs through it
  c10d::TCPStoreOptions options;
  const std::string host = textArgument(info, 0), prefix = textArgument(info, 3);
  options.port = static_cast<uint16_t>(numberOrNaN(info[1]));
  options.isServer = info[2].ToBoolean();
  options.waitWorkers = false;  // who is there is asked for by JavaScript, which can be interrupted
  options.timeout = milliseconds(static_cast<int64_t>(numberOrNaN(info[4])));
  return Promised<SharedStore>::of(info.Env(), [=] {
    auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
    return std::make_unique<SharedStore>(
        SharedStore{c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store))});
  });
}

Napi::Value storeSet(const Napi::CallbackInfo& info) {
  storeArgument(info, 0).store->set(textArgument(info, 1), textArgument(info, 2));
  return info.Env().Undefined();
}

// Undefined where nobody has set it.
Napi::Value storeGet(const Napi::CallbackInfo& info) {
  auto& store = *storeArgument(info, 0).store;
  const std::string key = textArgument(info, 1);
  if (!store.check({key})) return info.Env().Undefined();
  return Napi::String::New(info.Env(), store.get_to_str(key));
}

Napi::Value closeStore(const Napi::CallbackInfo& info) {
  externalArgument<SharedStore>(info, 0, "a store").store.reset();
  return info.Env().Undefined();
}

// Counts up a key from a thread of its own: a process that waits for others, or computes, is alive.
class Heartbeat {
 public:
  Heartbeat(c10::intrusive_ptr<c10d::Store> store, std::string key, milliseconds period)
      : store_(std::move(store)), key_(std::move(key)), period_(period), thread_([this] { run(); }) {}

  ~Heartbeat() { stop(); }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      isStopped_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    store_.reset();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    try {
      while (!isStopped_) {
        lock.unlock();
        beats_ = store_->add(key_, 1);
        lock.lock();
        wake_.wait_for(lock, period_, [this] { return isStopped_; });
      }
    } catch (const std::exception&) {
      // The store is gone: there is nobody left to tell.
    }
  }

  c10::intrusive_ptr<c10d::Store> store_;
  std::string key_;
  milliseconds period_;
  int64_t beats_ = 0;
  bool isStopped_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

// startHeartbeat(store, key, periodMs)
Napi::Value startHeartbeat(const Napi::CallbackInfo& info) {
  // A connection of its own: others on the same one would wait for each other.
  auto store = storeArgument(info, 0).store->clone();
  const milliseconds period(static_cast<int64_t>(numberOrNaN(info[2])));
  return externalResult(info, std::make_unique<Heartbeat>(std::move(store), textArgument(info, 1), period),
                        [](Heartbeat* heartbeat) { delete heartbeat; });
}

Napi::Value stopHeartbeat(const Napi::CallbackInfo& info) {
  externalArgument<Heartbeat>(info, 0, "a heartbeat").stop();
  return info.Env().Undefined();
}

}  // namespace

void exportStore(Napi::Object exports) {
  exportFunction<openStore>(exports, "openStore");
  exportFunction<storeSet>(exports, "storeSet");
  exportFunction<storeGet>(exports, "storeGet");
  exportFunction<closeStore>(exports, "closeStore");
  exportFunction<startHeartbeat>(exports, "startHeartbeat");
  exportFunction<stopHeartbeat>(exports, "stopHeartbeat");
}

}  // namespace codyra

#else

namespace codyra {

void exportStore(Napi::Object) {}

}  // namespace codyra

#endif
