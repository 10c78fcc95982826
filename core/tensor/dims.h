// A short list of sizes, strides or dimensions: inline up to six, on the heap beyond.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace weft {

/// A borrowed list of integers, as shapes and dimension lists are passed.
using IntList = std::span<const int64_t>;

class Dims {
 public:
  static constexpr int inline_capacity = 6;

  Dims() noexcept = default;
  explicit Dims(int size, int64_t value = 0) {
    resize(size);
    std::fill(begin(), end(), value);
  }
  Dims(std::initializer_list<int64_t> values) : Dims(IntList(values.begin(), values.size())) {}
  Dims(IntList values) {  // NOLINT: a list of integers is a list of integers
    resize(static_cast<int>(values.size()));
    std::copy(values.begin(), values.end(), begin());
  }
  Dims(const Dims& other) : Dims(IntList(other)) {}
  Dims(Dims&& other) noexcept { take(other); }
  Dims& operator=(const Dims& other) {
    if (this != &other) {
      resize(other.size());
      std::copy(other.begin(), other.end(), begin());
    }
    return *this;
  }
  Dims& operator=(Dims&& other) noexcept {
    if (this != &other) {
      free_heap();
      take(other);
    }
    return *this;
  }
  ~Dims() { free_heap(); }

  int size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  int64_t* begin() noexcept { return data(); }
  int64_t* end() noexcept { return data() + size_; }
  const int64_t* begin() const noexcept { return data(); }
  const int64_t* end() const noexcept { return data() + size_; }
  int64_t* data() noexcept { return capacity_ > inline_capacity ? heap_ : inline_; }
  const int64_t* data() const noexcept { return capacity_ > inline_capacity ? heap_ : inline_; }
  int64_t& operator[](int i) noexcept { return data()[i]; }
  int64_t operator[](int i) const noexcept { return data()[i]; }
  int64_t& back() noexcept { return data()[size_ - 1]; }
  int64_t back() const noexcept { return data()[size_ - 1]; }
  operator IntList() const noexcept { return {data(), static_cast<std::size_t>(size_)}; }  // NOLINT

  /// Keeps the first min(old, new) values; new ones are not set.
  void resize(int size) {
    if (size > capacity_) grow(size);
    size_ = size;
  }
  void push_back(int64_t value) {
    resize(size_ + 1);
    back() = value;
  }
  void insert(int at, int64_t value) {
    push_back(value);
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(int at) {
    std::copy(begin() + at + 1, end(), begin() + at);
    --size_;
  }

  friend bool operator==(const Dims& a, const Dims& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  void grow(int size);
  void free_heap() noexcept {
    if (capacity_ > inline_capacity) delete[] heap_;
  }
  void take(Dims& other) noexcept {
    size_ = other.size_;
    capacity_ = other.capacity_;
    if (capacity_ > inline_capacity) {
      heap_ = other.heap_;
      other.capacity_ = inline_capacity;
    } else {
      std::copy(other.inline_, other.inline_ + size_, inline_);
    }
    other.size_ = 0;
  }

  int size_ = 0;
  int capacity_ = inline_capacity;
  union {
    int64_t inline_[inline_capacity];
    int64_t* heap_;
  };
};

/// Written "[2, 3]", as in PyTorch's messages. For arguments of check(), which are evaluated on every call: nothing is
/// formatted unless the check fails.
struct Listed {
  IntList dims;
};
std::ostream& operator<<(std::ostream& out, Listed list);
std::ostream& operator<<(std::ostream& out, const Dims& dims);

/// The product; 1 for an empty list.
inline int64_t product(IntList dims) noexcept {
  int64_t n = 1;
  for (const auto d : dims) n *= d;
  return n;
}
inline bool same(IntList a, IntList b) noexcept { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace weft
