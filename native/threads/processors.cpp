// Affinity and container quota. The number of processors in the machine says little inside a container:
// starting more threads than the quota allows makes the scheduler stop all of them in turn.
#include "threads/processors.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "threads/parallel.h"

#if defined(__linux__)
#  include <sched.h>
#endif

namespace convkit {
namespace detail {
namespace {

int rounded(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  const double processors = quota / period;
  if (processors >= 1024) return 0;
  const int whole = static_cast<int>(processors);
  return std::max(1, whole + (whole < processors ? 1 : 0));
}

int tighter(int a, int b) { return a == 0 || b == 0 ? a + b : std::min(a, b); }

// "max 100000", "150000 100000"
int unifiedLimit(const std::string& group) {
  std::ifstream file(group + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return 0;
  double microseconds = 0;
  return std::istringstream(quota) >> microseconds ? rounded(microseconds, period) : 0;
}

int legacyLimit(const std::string& group) {
  std::ifstream quotaFile(group + "/cpu.cfs_quota_us"), periodFile(group + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quotaFile >> quota && periodFile >> period ? rounded(quota, period) : 0;
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

bool lists(const std::string& controllers, const std::string& wanted) {
  std::istringstream words(controllers);
  for (std::string word; std::getline(words, word, ',');) {
    if (word == wanted) return true;
  }
  return false;
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
  std::ifstream groups(root + "/proc/self/cgroup");
  int tightest = 0;
  // hierarchy:controllers:path, where the unified hierarchy (v2) lists no controllers
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      path = line.substr(second + 1);
    if (controllers.empty()) {
      tightest = tighter(tightest, tightestUpwards(root + "/sys/fs/cgroup", path, unifiedLimit));
    } else if (lists(controllers, "cpu")) {
      for (const std::string& mount : {controllers, std::string("cpu")}) {
        tightest = tighter(tightest, tightestUpwards(root + "/sys/fs/cgroup/" + mount, path, legacyLimit));
      }
    }
  }
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
