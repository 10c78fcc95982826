#include "ops/lapack.h"

#include <dlfcn.h>

#include <atomic>
#include <string>

#include "runtime/error.h"

namespace weft::lapack {

namespace {

constexpr int routine_count = static_cast<int>(Routine::count);

struct Names {
  const char* real;
  const char* complex;  ///< where it differs
};
constexpr Names names[routine_count] = {
    {"trsm"}, {"potrf"}, {"getrf"}, {"getri"}, {"getrs"}, {"geqrf"}, {"orgqr", "ungqr"}, {"gesdd"}, {"syevd", "heevd"},
    {"geev"}, {"gels"},  {"gelsy"}, {"gelsd"}, {"gelss"}, {"sytrf"}, {"sytrs"},          {"hetrf"}, {"hetrs"},
};

struct Table {
  void* entries[4][routine_count];
};

std::atomic<Finder> finder{nullptr};
std::atomic<const Table*> loaded{nullptr};  // published once complete; kept for good, as the library is

/// Several threads may load at a time: every step gives each of them the same, and no lock is held while Python is
/// asked for the path.
const Table* load() {
  const Finder find = finder.load();
  const std::string path = find != nullptr ? find() : std::string();
  check(!path.empty(),
        "linear algebra needs LAPACK from the package scipy-openblas32, which is not installed here: "
        "pip install scipy-openblas32");
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(ErrorKind::runtime, "cannot load LAPACK: {}", dlerror());
  const auto symbol = [&](const std::string& name) {
    void* const found = dlsym(library, name.c_str());
    check(found != nullptr, "LAPACK in {} lacks {}", path, name);
    return found;
  };
  reinterpret_cast<void (*)(int)>(symbol("scipy_openblas_set_num_threads"))(1);
  auto* const table = new Table{};
  for (int t = 0; t < 4; ++t) {
    for (int r = 0; r < routine_count; ++r) {
      const bool complex = t >= 2;
      const std::string_view real_name = names[r].real;
      if (!complex && real_name.starts_with("he")) continue;  // Hermitian matrices are symmetric ones there
      const char* const name = complex && names[r].complex != nullptr ? names[r].complex : names[r].real;
      table->entries[t][r] = symbol(std::string("scipy_") + "sdcz"[t] + name + "_");
    }
  }
  const Table* expected = nullptr;
  if (loaded.compare_exchange_strong(expected, table)) return table;
  delete table;
  return expected;
}

}  // namespace

void set_finder(Finder f) noexcept { finder.store(f); }

void* entry(Routine routine, DType dtype) {
  const Table* table = loaded.load(std::memory_order_acquire);
  if (table == nullptr) table = load();
  const int type = static_cast<int>(dtype) - static_cast<int>(DType::float32);  // float, double and the complex two
  return table->entries[type][static_cast<int>(routine)];
}

}  // namespace weft::lapack
