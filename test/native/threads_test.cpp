// The thread pool: every chunk once, several callers side by side, cancellation, failures, changing counts.
// Meant to run under ThreadSanitizer too.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#  include <sys/resource.h>
#endif

#include "threads/float_environment.h"
#include "threads/kept_memory.h"
#include "threads/parallel.h"
#include "threads/processors.h"
#include "threads/scratch.h"

namespace {

using convkit::parallelFor;
using convkit::Scratch;

int failures = 0;

void check(bool holds, const char* claim) {
  if (holds) return;
  std::printf("FAILED: %s\n", claim);
  ++failures;
}

// Whether a loop over `chunks` chunks ran each of them exactly once.
bool runsEachOnce(int64_t chunks) {
  std::vector<int> runs(static_cast<std::size_t>(chunks));
  parallelFor(chunks, nullptr, [&](int64_t chunk, Scratch&) { ++runs[static_cast<std::size_t>(chunk)]; });
  for (const int count : runs) {
    if (count != 1) return false;
  }
  return true;
}

void everyChunkRunsOnce() {
  for (int threads = 1; threads <= 6; ++threads) {
    convkit::setThreadCount(threads);
    for (const int64_t chunks : {0, 1, 2, 3, 7, 64, 1000}) {
      check(runsEachOnce(chunks), "every chunk runs exactly once");
    }
  }
}

void aLoopStaysWithinTheThreadCount() {
  for (int threads = 1; threads <= 4; ++threads) {
    convkit::setThreadCount(threads);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    std::atomic<int> inside{0}, most{0};
    parallelFor(60, nullptr, [&](int64_t, Scratch&) {
      const int now = ++inside;
      for (int highest = most; now > highest && !most.compare_exchange_weak(highest, now);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      {
        const std::lock_guard<std::mutex> lock(mutex);
        seen.insert(std::this_thread::get_id());
      }
      --inside;
    });
    check(most <= threads && static_cast<int>(seen.size()) <= threads,
          "a loop uses at most threadCount() threads");
    check(most == threads, "a loop of long chunks uses every thread");
  }
}

void callersRunSideBySide() {
  convkit::setThreadCount(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  std::mutex mutex;
  std::set<std::thread::id> seen;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 200; ++round) {
        if (!runsEachOnce(1 + (round * 7 + caller) % 23)) ++wrong;
      }
      parallelFor(40, nullptr, [&](int64_t, Scratch&) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        const std::lock_guard<std::mutex> lock(mutex);
        seen.insert(std::this_thread::get_id());
      });
    });
  }
  for (std::thread& caller : callers) caller.join();
  check(wrong == 0, "loops of several callers do not disturb one another");
  check(seen.size() <= 4 + 2, "several callers share threadCount() - 1 workers");
}

void loopsNest() {
  convkit::setThreadCount(4);
  std::atomic<int> total{0};
  parallelFor(8, nullptr,
              [&](int64_t, Scratch&) { parallelFor(8, nullptr, [&](int64_t, Scratch&) { ++total; }); });
  check(total == 64, "a body may run a loop of its own");
}

void cancellationDropsTheRest() {
  convkit::setThreadCount(3);
  convkit::CancelFlag cancelled{false};
  std::atomic<int> ran{0};
  parallelFor(100000, &cancelled, [&](int64_t, Scratch&) {
    if (++ran >= 10) cancelled = true;
  });
  check(ran >= 10 && ran < 10 + 3, "chunks not yet begun are dropped once the flag is set");
  ran = 0;
  parallelFor(5, &cancelled, [&](int64_t, Scratch&) { ++ran; });
  check(ran == 0, "a loop cancelled beforehand runs nothing");
}

void exhaustionReachesTheCaller() {
  for (int threads = 1; threads <= 3; ++threads) {
    convkit::setThreadCount(threads);
    for (int round = 0; round < 50; ++round) {
      bool caught = false;
      try {
        parallelFor(20, nullptr, [&](int64_t chunk, Scratch&) {
          if (chunk == round % 20) throw std::bad_alloc();
        });
      } catch (const std::bad_alloc&) {
        caught = true;
      }
      check(caught, "bad_alloc in a body is thrown to the caller");
    }
  }
  check(runsEachOnce(100), "the pool works on after a failure");
}

void countsChangeAtAnyTime() {
  std::atomic<bool> stop{false};
  std::thread changer([&] {
    for (int count = 1; !stop; count = count % 6 + 1) {
      convkit::setThreadCount(count);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  bool right = true;
  for (int round = 0; round < 2000; ++round) right = runsEachOnce(round % 40) && right;
  stop = true;
  changer.join();
  check(right, "setThreadCount may be called at any time");
}

void theCrewRestarts() {
  convkit::setThreadCount(3);
  for (int round = 0; round < 30; ++round) {
    check(runsEachOnce(50), "the pool restarts after joinWorkers");
    convkit::joinWorkers();
  }
  std::thread joiner([] {
    for (int round = 0; round < 100; ++round) convkit::joinWorkers();
  });
  bool right = true;
  for (int round = 0; round < 300; ++round) right = runsEachOnce(30) && right;
  joiner.join();
  check(right, "joinWorkers may meet a running loop");
}

void strangersGetTheSmallestScratch() {
  convkit::releaseScratch();
  {
    convkit::detail::ScratchLease first, second, third;
    first.scratch().bytes(0, std::size_t{1} << 20);
    third.scratch().bytes(0, std::size_t{1} << 20);
  }
  std::thread([] {
    convkit::detail::ScratchLease lease;
    check(lease.scratch().capacity() == 0,
          "a thread that gave nothing back gets the smallest scratch memory");
  }).join();
}

void scratchIsAlignedAndKept() {
  convkit::setThreadCount(2);
  parallelFor(4, nullptr, [&](int64_t, Scratch& scratch) {
    const auto address = [](void* p) { return reinterpret_cast<std::uintptr_t>(p); };
    void* const small = scratch.bytes(0, 100);
    check(address(small) % 64 == 0, "scratch memory is 64-byte aligned");
    check(scratch.bytes(0, 50) == small, "a smaller demand keeps the memory");
    auto* const middle = static_cast<char*>(scratch.bytes(3, (std::size_t{300} << 10) + 1));
    check(address(middle) % 64 == 0, "memory from the system is aligned");
    middle[0] = middle[std::size_t{300} << 10] = 1;
    void* const large = scratch.bytes(1, std::size_t{3} << 20);
    check(address(large) % (std::size_t{2} << 20) == 0, "large scratch memory starts on a huge page");
    std::memset(large, 1, std::size_t{3} << 20);
    std::memset(small, 2, 100);
  });
  bool exhausted = false;
  try {
    parallelFor(3, nullptr, [](int64_t, Scratch& scratch) { scratch.bytes(2, ~std::size_t{0}); });
  } catch (const std::bad_alloc&) {
    exhausted = true;
  }
  check(exhausted, "an impossible demand for scratch memory is bad_alloc");
  convkit::releaseScratch();
  check(runsEachOnce(10), "loops run on after releaseScratch");
}

void threadsGetTheirOwnScratchBack() {
  auto mine = std::make_unique<convkit::detail::ScratchLease>();
  const Scratch* const first = &mine->scratch();
  std::promise<void> taken, released;
  std::thread other([&] {
    const convkit::detail::ScratchLease lease;
    taken.set_value();
    released.get_future().wait();
  });
  taken.get_future().wait();
  mine.reset();
  released.set_value();
  other.join();
  convkit::detail::ScratchLease again;
  check(&again.scratch() == first, "a thread gets the scratch that it gave back, not one that came later");
  convkit::detail::ScratchLease second;
  check(&second.scratch() != first, "a scratch is lent once");
}

void blocksGoRound() {
  constexpr std::size_t kSize = 3 << 20;
  void* const first = convkit::takeBlock(kSize);
  void* const second = convkit::takeBlock(kSize);
  std::memset(first, 1, kSize);
  std::memset(second, 2, kSize);
  convkit::giveBlock(first, kSize);
  void* const smaller = convkit::takeBlock(kSize - 64);
  check(smaller != first, "a block is given to demands of its own size alone");
  convkit::giveBlock(second, kSize);
  void* const third = convkit::takeBlock(kSize);
  void* const fourth = convkit::takeBlock(kSize);
  check(third == second && fourth == first, "blocks given back are taken again, the last one first");
  convkit::giveBlock(smaller, kSize - 64);
  for (int i = 0; i < 100; i++) convkit::giveBlock(convkit::takeBlock(kSize + i * 64), kSize + i * 64);
  convkit::giveBlock(third, kSize);
  convkit::giveBlock(fourth, kSize);
  convkit::giveBlock(convkit::takeBlock(8), 8);
  convkit::releaseScratch();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they end the program instead
  bool exhausted = false;
  try {
    convkit::takeBlock(~std::size_t{0} / 2);
  } catch (const std::bad_alloc&) {
    exhausted = true;
  }
  check(exhausted, "an impossible demand for a block is bad_alloc");
#endif
}

void workersComputeInOurEnvironment() {
  convkit::setThreadCount(3);
  convkit::joinWorkers();
  volatile float smallest = 1e-38f;
  std::atomic<int> flushed{0};
#if defined(CONVKIT_FLOAT_X86)
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u);  // flush to zero, denormals are zero: new threads inherit it
  {
    const convkit::FloatEnvironment environment;
    check((_mm_getcsr() & 0xFFC0u) == 0x1F80u, "FloatEnvironment sets MXCSR");
    parallelFor(60, nullptr, [&](int64_t, Scratch&) {
      if (smallest * 0.5f == 0.0f) ++flushed;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  }
  check((_mm_getcsr() & 0xFFC0u) == ((before | 0x8040u) & 0xFFC0u),
        "FloatEnvironment restores the caller's MXCSR");
  _mm_setcsr(before);
#else
  parallelFor(60, nullptr, [&](int64_t, Scratch&) {
    if (smallest * 0.5f == 0.0f) ++flushed;
  });
#endif
  check(flushed == 0, "subnormals survive on every thread");
}

// Linux counts niceness by the thread.
void workersGiveWayToTheCaller() {
#if defined(__linux__)
  const auto niceness = [] { return getpriority(PRIO_PROCESS, 0); };
  convkit::setThreadCount(3);
  const int own = niceness(), nicer = std::min(own + 5, 19);
  const auto runLoop = [&](int ofCallerWanted, const char* claim) {
    convkit::joinWorkers();
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<int> ofWorkers{0}, wrong{0};
    parallelFor(60, nullptr, [&](int64_t, Scratch&) {
      const bool isCaller = std::this_thread::get_id() == caller;
      if (niceness() != (isCaller ? ofCallerWanted : nicer)) ++wrong;
      if (!isCaller) ++ofWorkers;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    check(ofWorkers > 0 && wrong == 0, claim);
  };
  runLoop(own, "workers are five steps nicer than the process, and the caller stays as it was");
  std::thread([&] {
    setpriority(PRIO_PROCESS, 0, nicer);
    runLoop(nicer, "workers that a nicer thread starts are no nicer than others");
  }).join();
#endif
}

void write(const std::filesystem::path& path, const char* text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

void quotasAreRead() {
  const auto root = std::filesystem::temp_directory_path() / ("convkit-quota-" + std::to_string(std::rand()));
  const auto quota = [&] { return convkit::detail::quotaProcessors(root.string()); };
  check(quota() == 0, "no control group means no limit");
  write(root / "proc/self/cgroup", "0::/pod/box\n");
  check(quota() == 0, "a group without a cpu.max means no limit");
  write(root / "sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
  check(quota() == 0, "'max' means no limit");
  write(root / "sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
  check(quota() == 3, "a group is bound by the group above, rounded up");
  write(root / "sys/fs/cgroup/cpu.max", "10000 100000\n");
  check(quota() == 1, "a fraction of a processor counts as one");
  std::filesystem::remove_all(root);
  write(root / "proc/self/cgroup", "12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n");
  write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  check(quota() == 2, "version 1 quotas are read where the mount shows only the container's own group");
  write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  check(quota() == 0, "a quota of -1 means no limit");
  std::filesystem::remove_all(root);
  check(convkit::defaultThreadCount() >= 1, "the default is at least one thread");
}

}  // namespace

int main() {
  check(convkit::threadCount() == convkit::defaultThreadCount(), "the count starts at the default");
  everyChunkRunsOnce();
  aLoopStaysWithinTheThreadCount();
  callersRunSideBySide();
  loopsNest();
  cancellationDropsTheRest();
  exhaustionReachesTheCaller();
  countsChangeAtAnyTime();
  theCrewRestarts();
  strangersGetTheSmallestScratch();
  scratchIsAlignedAndKept();
  threadsGetTheirOwnScratchBack();
  blocksGoRound();
  workersComputeInOurEnvironment();
  workersGiveWayToTheCaller();
  quotasAreRead();
  convkit::joinWorkers();
  convkit::releaseScratch();
  if (failures == 0) std::printf("threads: all claims hold\n");
  return failures == 0 ? 0 : 1;
}
