// What this project calls of <ATen/autocast_mode.h>, declared again. That header includes those of every
// operator, which take the compiler longer to read than all else. A libtorch that has changed one of these
// functions lacks its symbol, which set-up notices when it loads the addon.
#pragma once

#include <ATen/core/Tensor.h>
#ifdef CODYRA_SANITIZE
#include <ATen/autocast_mode.h>  // `npm run check:sanitize` compares the declarations
#endif

namespace at::autocast {

TORCH_API bool is_autocast_enabled(DeviceType device_type);
TORCH_API void set_autocast_enabled(DeviceType device_type, bool enabled);
TORCH_API ScalarType get_autocast_dtype(DeviceType device_type);
TORCH_API void set_autocast_dtype(DeviceType device_type, ScalarType dtype);
TORCH_API void clear_cache();
TORCH_API int increment_nesting();
TORCH_API int decrement_nesting();
TORCH_API Tensor cached_cast(ScalarType to_type, const Tensor& arg, DeviceType device_type);

}  // namespace at::autocast
