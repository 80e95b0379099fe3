// Affinity and container quota. The number of processors in the machine says little inside a container:
// starting more threads than the quota allows makes the scheduler stop all of them in turn.
#include "threads/processors.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "threads/parallel.h"

#if defined(__linux__)
#  include <sched.h>
#endif

namespace convkit {
namespace detail {
namespace {

// C's files: C++'s streams would triple the addon and bind it to a newer C library.
std::string contents(const std::string& path) {
  std::string text;
  if (std::FILE* const file = std::fopen(path.c_str(), "r")) {
    char part[1024];
    for (std::size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, n);
    std::fclose(file);
  }
  return text;
}

int rounded(long long quota, long long period) {
  if (quota <= 0 || period <= 0 || quota / period >= 1024) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

int tighter(int a, int b) { return a == 0 || b == 0 ? a + b : std::min(a, b); }

// "max 100000", "150000 100000"; what is no number reads as 0, which is no limit
int unifiedLimit(const std::string& group) {
  const std::string text = contents(group + "/cpu.max");
  char* rest = nullptr;
  const long long quota = std::strtoll(text.c_str(), &rest, 10);
  return rounded(quota, std::strtoll(rest, nullptr, 10));
}

int legacyLimit(const std::string& group) {
  const auto number = [&](const char* file) {
    return std::strtoll(contents(group + file).c_str(), nullptr, 10);
  };
  return rounded(number("/cpu.cfs_quota_us"), number("/cpu.cfs_period_us"));
}

// A group is bound by every group above it too. In a container without a namespace of its own the path names
// a place on the host: what lies outside the mount is skipped, and the mount's own root is read last.
int tightestUpwards(const std::string& mount, std::string path, int (*limit)(const std::string&)) {
  int tightest = 0;
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    tightest = tighter(tightest, limit(mount + path));
    if (path.empty()) return tightest;
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
}

// Calls each(piece) for the pieces of `text` between separators.
template <class Each>
void split(const std::string& text, char separator, Each each) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    each(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

bool lists(const std::string& controllers, const std::string& wanted) {
  bool found = false;
  split(controllers, ',', [&](const std::string& controller) { found = found || controller == wanted; });
  return found;
}

}  // namespace

int affineProcessors() {
#if defined(__linux__)
  for (int capacity = 1024; capacity <= (1 << 18); capacity *= 2) {
    cpu_set_t* const set = CPU_ALLOC(capacity);
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(capacity);
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int quotaProcessors(const std::string& root) {
  int tightest = 0;
  // hierarchy:controllers:path, where the unified hierarchy (v2) lists no controllers
  split(contents(root + "/proc/self/cgroup"), '\n', [&](const std::string& line) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) return;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      path = line.substr(second + 1);
    if (controllers.empty()) {
      tightest = tighter(tightest, tightestUpwards(root + "/sys/fs/cgroup", path, unifiedLimit));
    } else if (lists(controllers, "cpu")) {
      for (const std::string& mount : {controllers, std::string("cpu")}) {
        tightest = tighter(tightest, tightestUpwards(root + "/sys/fs/cgroup/" + mount, path, legacyLimit));
      }
    }
  });
  return tightest;
}

}  // namespace detail

int defaultThreadCount() {
  const int processors = std::min(detail::affineProcessors(), 1024);
#if defined(__linux__)
  const int quota = detail::quotaProcessors("");
  if (quota > 0) return std::min(processors, quota);
#endif
  return processors;
}

}  // namespace convkit
