#pragma once

#include <napi.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_set>

namespace codyra {

// Objects that JavaScript holds as externals. An external says nothing of what it points to, so each kind
// keeps a list of its own. A pointer of another kind, or of another addon, is refused instead of followed.
template <typename Object>
class Externals {
 public:
  void add(const void* object) {
    const std::lock_guard lock(mutex_);
    live_.insert(object);
  }

  void remove(const void* object) {
    const std::lock_guard lock(mutex_);
    live_.erase(object);
  }

  bool has(const void* object) {
    const std::lock_guard lock(mutex_);
    return live_.count(object) > 0;
  }

  // Never destroyed: finalizers may run after the destructors of static objects.
  static Externals& instance() {
    static auto* externals = new Externals();
    return *externals;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<const void*> live_;
};

template <typename Object, typename Delete>
Napi::Value externalResult(Napi::Env env, std::unique_ptr<Object> object, Delete) {
  Externals<Object>::instance().add(object.get());
  return Napi::External<Object>::New(env, object.release(), [](Napi::Env, Object* finished) {
    Externals<Object>::instance().remove(finished);
    Delete()(finished);
  });
}

template <typename Object, typename Delete>
Napi::Value externalResult(const Napi::CallbackInfo& info, std::unique_ptr<Object> object, Delete finish) {
  return externalResult(info.Env(), std::move(object), finish);
}

// Throws unless the argument is such an object. `expected` names it.
template <typename Object>
Object& externalArgument(const Napi::CallbackInfo& info, size_t i, const char* expected) {
  Object* object = info[i].IsExternal() ? info[i].As<Napi::External<Object>>().Data() : nullptr;
  if (!Externals<Object>::instance().has(object))
    throw std::invalid_argument(std::string("expected ") + expected + ".");
  return *object;
}

}  // namespace codyra
