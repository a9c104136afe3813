// PyTorch's archives, the zip files of torch.save and torch.jit.save: where their records lie, and writing
// one.

#include <ATen/core/Dict.h>
#include <ATen/core/jit_type.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "arguments.h"
#include "errors.h"
#include "module.h"

namespace codyra {
namespace {

// The archive writer's destructor writes the directory of the zip file, and must not throw while an error is
// on its way. So the file takes whatever it is given, and says at the end whether all of it was written.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path)
      : path_(path), file_(std::fopen(path.c_str(), "wb"), &std::fclose) {
    check(file_ != nullptr);
  }

  size_t write(const void* data, size_t bytes) {
    const bool isWritten =
        bytes == 0 || std::fwrite(data, 1, bytes, file_.get()) == bytes;  // data of none is null
    if (error_ == 0 && !isWritten) error_ = errno;
    return bytes;
  }

  void finish() {
    if (error_ != 0) errno = error_;
    check(error_ == 0 && std::fflush(file_.get()) == 0 && fsync(fileno(file_.get())) == 0);
  }

 private:
  void check(bool isGood) const {
    if (!isGood) throw std::system_error(errno, std::generic_category(), path_);
  }

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  int error_ = 0;
};

// Nothing but the elements: the storage of a view would be written as a whole.
at::Tensor compact(const at::Tensor& tensor) {
  const at::Tensor onCpu = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous();
  return onCpu.storage().nbytes() == onCpu.nbytes() ? onCpu : onCpu.clone();
}

Napi::Value archiveRecords(const Napi::CallbackInfo& info) {
  caffe2::serialize::PyTorchStreamReader reader(textArgument(info, 0));
  auto records = Napi::Array::New(info.Env());
  for (const std::string& name : reader.getAllRecords()) {
    auto record = Napi::Object::New(info.Env());
    record["name"] = name;
    record["offset"] = static_cast<double>(reader.getRecordOffset(name));
    record["bytes"] = static_cast<double>(reader.getRecordSize(name));
    records[records.Length()] = record;
  }
  return records;
}

// A dictionary of tensors, as torch.save writes it.
Napi::Value writeArchive(const Napi::CallbackInfo& info) {
  const std::string path = textArgument(info, 0);
  const auto names = arrayArgument(info, 1, "an array of names");
  const auto values = tensorListArgument(info, 2);
  c10::impl::GenericDict state(c10::StringType::get(), c10::TensorType::get());
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names[i];
    state.insert(name.As<Napi::String>().Utf8Value(), compact(values.at(i)));
  }
  std::string pickled;
  const bool tagAggregates = false;  // the tags are TorchScript's; torch.load refuses them
  torch::jit::Pickler pickler([&](const char* data, size_t bytes) { pickled.append(data, bytes); }, nullptr,
                              nullptr, nullptr, nullptr, tagAggregates);
  pickler.protocol();
  pickler.pushIValue(state);
  pickler.stop();

  OutputFile file(path);
  caffe2::serialize::PyTorchStreamWriter writer(
      [&](const void* data, size_t bytes) { return file.write(data, bytes); });
  writer.writeRecord("data.pkl", pickled.data(), pickled.size());
  for (size_t i = 0; i < pickler.tensorData().size(); ++i) {
    const at::Tensor& tensor = pickler.tensorData()[i];
    writer.writeRecord("data/" + std::to_string(i), tensor.const_data_ptr(), tensor.nbytes());
  }
  writer.writeEndOfFile();
  file.finish();
  return info.Env().Undefined();
}

}  // namespace

void exportArchive(Napi::Object exports) {
  exportFunction<archiveRecords>(exports, "archiveRecords");
  exportFunction<writeArchive>(exports, "writeArchive");
}

}  // namespace codyra
