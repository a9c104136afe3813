#pragma once

#include <c10/util/Exception.h>
#include <napi.h>

#include <functional>
#include <memory>
#include <stdexcept>

#include "externals.h"

namespace codyra {

// Work on a thread of libuv's pool, such as waiting for other processes, that makes an object for JavaScript.
template <typename Object>
class Promised final : public Napi::AsyncWorker {
 public:
  using Work = std::function<std::unique_ptr<Object>()>;

  static Napi::Value of(Napi::Env env, Work work) {
    auto* worker = new Promised(env, std::move(work));
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 private:
  Promised(Napi::Env env, Work work)
      : AsyncWorker(env), work_(std::move(work)), deferred_(Napi::Promise::Deferred::New(env)) {}

  void Execute() override {
    try {
      result_ = work_();
    } catch (const c10::Error& error) {
      throw std::runtime_error(error.what_without_backtrace());
    }
  }

  void OnOK() override {
    if (result_ == nullptr) return deferred_.Resolve(Env().Undefined());
    deferred_.Resolve(externalResult(Env(), std::move(result_), [](Object* finished) { delete finished; }));
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  Work work_;
  std::unique_ptr<Object> result_;
  Napi::Promise::Deferred deferred_;
};

}  // namespace codyra
