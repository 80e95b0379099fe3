// Loops over chunks on one pool of threads. A caller always works on its own loop and never waits for a
// worker to begin; workers that have nothing to do pick the open loop with the fewest helpers.
#include "threads/pool.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

#include "threads/float_environment.h"
#include "threads/scratch.h"

#if defined(__unix__) || defined(__APPLE__)
#  include <pthread.h>
#  include <signal.h>
#endif
#if defined(__linux__)
#  include <sys/resource.h>
#  include <unistd.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#  include <immintrin.h>
#elif defined(_M_ARM64)
#  include <intrin.h>
#endif

namespace convkit {
namespace detail {
namespace {

// Long enough to bridge the gap between two layers of a network, short enough to leave the processor to
// others.
constexpr std::chrono::microseconds kSpin{40};

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(_M_ARM64)
  __yield();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// While work goes on: as long as the last chunk of most loops takes.
constexpr std::chrono::microseconds kLongestSpin{1000};

// Waits actively until `done`, for kSpin after work was last seen to go on; whether `done` came true. It
// yields all the while: on a busy machine the thread waited for may need this very processor, and without
// yielding a short loop took 45 us instead of 4.
template <class Done, class GoesOn>
bool spinUntil(Done done, GoesOn goesOn) {
  const auto begin = std::chrono::steady_clock::now();
  for (auto last = begin;;) {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
    const auto now = std::chrono::steady_clock::now();
    if (goesOn()) last = now;
    if (now - last >= kSpin || now - begin >= kLongestSpin) return false;
    std::this_thread::yield();
  }
}

constexpr std::chrono::microseconds kBetweenMoves{200};

// Leaves the processor of the thread that is helped. Two processors under a load of 3, rounds of 40 ms with
// as much rest: 128 filters of 3x3 at 28x28 took two threads 0.88 to 1.1 ms, as one thread does; with this
// 0.5 to 0.8.
void leaveProcessor(MovableThread& self, int home, std::chrono::steady_clock::time_point* lastMove) {
  if (home < 0 || processorHere() != home) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - *lastMove < kBetweenMoves) return;
  *lastMove = now;
  const KeptAway moved(self, home);
}

// Steps of niceness, for good: no privilege is needed to take them, and one to go back. Linux counts them by
// the thread; systems where they are the process's, or where a nice thread is kept on slow cores, are left
// alone.
constexpr int kNicer = 5;

// Gives way to the threads that the process has of its own, the event loop's above all: woken while the
// engine has every processor, that one waited for the end of a time slice. A server with 20 requests under
// way on 2 processors: 1 % of its timers were 3.3 ms late, with this 2.4; with 10 steps 2.2. Callers that
// wait for a worker lose nothing, also beside one or two threads that are always busy: they take the chunks
// that it does not come to (128 filters of 3x3 at 28x28, two threads: 0.81 ms without and 0.75 with).
// Background jobs beside as many such threads as there are processors take 1.7 times as long.
void giveWay() {
#if defined(__linux__)
  // What started this thread may be one of the engine's own, and have handed its steps on.
  const int inherited = getpriority(PRIO_PROCESS, 0),
            wanted = getpriority(PRIO_PROCESS, static_cast<id_t>(getpid())) + kNicer;
  if (wanted > inherited) setpriority(PRIO_PROCESS, 0, wanted);
#endif
}

std::atomic<int> wantedThreads{0};  // 0 until somebody asks

}  // namespace

void prepareThread() {
#if defined(__unix__) || defined(__APPLE__)
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "convkit");
#endif
  giveWay();
}

void Loop::open(int helpersAtMost) {
  maxHelpers = helpersAtMost;
  share = (chunks + helpersAtMost) / (helpersAtMost + 1);
  nextOfOthers.store(share, std::memory_order_relaxed);
}

bool Loop::isTaken() const {
  return next.load(std::memory_order_relaxed) >= share &&
         nextOfOthers.load(std::memory_order_relaxed) >= chunks;
}

int64_t Loop::take(bool isCaller) {
  const auto takeFrom = [this](std::atomic<int64_t>& first, int64_t end) {
    if (first.load(std::memory_order_relaxed) >= end) return chunks;
    const int64_t chunk = first.fetch_add(1, std::memory_order_relaxed);
    return chunk < end ? chunk : chunks;
  };
  const int64_t chunk = isCaller ? takeFrom(next, share) : takeFrom(nextOfOthers, chunks);
  if (chunk < chunks) return chunk;
  return isCaller ? takeFrom(nextOfOthers, chunks) : takeFrom(next, share);
}

void Loop::work(bool isCaller) noexcept {
  try {
    ScratchLease lease;
    while (!failed.load(std::memory_order_relaxed)) {
      if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return;
      const int64_t chunk = take(isCaller);
      if (chunk >= chunks) return;
      body(context, chunk, lease.scratch());
    }
  } catch (...) {
    if (!failed.exchange(true)) error = std::current_exception();
  }
}

Pool& Pool::instance() {
  static Pool* const pool = new Pool;
  return *pool;
}

void Pool::run(Loop& loop) {
  loop.home = processorHere();
  publish(loop);
  loop.work(true);
  withdraw(loop);
}

void Pool::publish(Loop& loop) {
  int wanted = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    startWorkers(loop.home);
    Loop** last = &open_;
    while (*last != nullptr) last = &(*last)->following;
    *last = &loop;
    loops_.fetch_add(1, std::memory_order_relaxed);
    published_.fetch_add(1, std::memory_order_release);
    wanted = std::min(sleeping_, loop.maxHelpers - spinning_);
    // One that waits on this very processor is not running: the caller is
    for (const auto& worker : crew_) {
      if (!worker->waiting || worker->processor.load(std::memory_order_relaxed) != loop.home) continue;
      const KeptAway moved(*worker, loop.home);
    }
  }
  while (wanted > 0) {
    const int woken = wake(wanted, loop.home);
    if (woken == 0) return;
    wanted -= woken;
  }
}

void Pool::rouse(Worker& sleeper) {
  sleeper.sleeping = false;
  --sleeping_;
  ++spinning_;
}

void Pool::rouseAll(const Crew& crew) {
  for (const auto& worker : crew) {
    if (worker->sleeping) rouse(*worker);
    worker->called.notify_one();
  }
}

// Wakes up to `most` workers, on other processors than `home`. Linux may choose that one for a worker that
// slept elsewhere, where it waits until the caller is preempted, 2 to 4 ms later, works, sleeps and is woken
// there again: two threads took as long as one. 1024 to 512 channels of 1x1 at 14x14, calls for 15 ms after
// 100 ms of rest, two processors, medians of 14 such rounds: 0.98 ms without and 0.51 with.
int Pool::wake(int most, int home) {
  constexpr int kAtOnce = 8;
  Worker* woken[kAtOnce];
  int count = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& worker : crew_) {
      if (count == std::min(most, kAtOnce)) break;
      if (!worker->sleeping) continue;
      rouse(*worker);
      woken[count++] = worker.get();
    }
    waking_.fetch_add(1, std::memory_order_relaxed);
  }
  for (int i = 0; i < count; ++i) {
    const KeptAway elsewhere(*woken[i], home);
    woken[i]->called.notify_one();
  }
  waking_.fetch_sub(1, std::memory_order_release);
  return count;
}

void Pool::withdraw(Loop& loop) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Loop** link = &open_;
    while (*link != &loop) link = &(*link)->following;
    *link = loop.following;
    loops_.fetch_sub(1, std::memory_order_relaxed);
  }
  // No helper can enter any more. Those inside are on their last chunk.
  const auto alone = [&] { return loop.helpers.load(std::memory_order_acquire) == 0; };
  if (alone() || spinUntil(alone, [] { return true; })) return;
  std::unique_lock<std::mutex> lock(mutex_);
  loop.callerSleeps = true;
  helperLeft_.wait(lock, alone);
}

void Pool::startWorkers(int home) {
  const std::size_t wanted = static_cast<std::size_t>(threadCount() - 1);
  for (std::size_t index = 0; index < wanted; ++index) {
    // A thread that the system refuses is done without: the loop only runs on fewer.
    try {
      if (index == crew_.size()) crew_.push_back(std::make_unique<Worker>());
      Worker& worker = *crew_[index];
      if (worker.alive) continue;
      if (worker.thread.joinable()) {  // it left, and only has to return
        if (waking_.load(std::memory_order_acquire) > 0) return;
        worker.thread.join();
      }
      worker.thread = std::thread(
          [this, &worker, index, number = crewNumber_] { serve(worker, static_cast<int>(index), number); });
      const KeptAway elsewhere(worker, home);
      worker.alive = true;
      ++spinning_;  // it is about to look for a loop
    } catch (const std::system_error&) {
      return;
    } catch (const std::bad_alloc&) {
      return;
    }
  }
}

void Pool::serve(Worker& self, int index, uint64_t crewNumber) {
  prepareThread();
  const FloatEnvironment environment;
  std::chrono::steady_clock::time_point lastMove{};
  std::unique_lock<std::mutex> lock(mutex_);
  while (crewNumber == crewNumber_ && index < threadCount() - 1) {
    Loop* const loop = choose();
    if (loop == nullptr) {
      waitForLoop(self, lock, crewNumber);
      continue;
    }
    loop->helpers.fetch_add(1, std::memory_order_relaxed);
    --spinning_;
    lock.unlock();
    leaveProcessor(self, loop->home, &lastMove);
    loop->work(false);
    lock.lock();
    ++spinning_;
    // From here on the caller may return, and the loop be gone.
    const bool callerSleeps = loop->callerSleeps;
    if (loop->helpers.fetch_sub(1, std::memory_order_release) == 1 && callerSleeps) helperLeft_.notify_all();
  }
  --spinning_;
  self.alive = false;
}

Loop* Pool::choose() {
  Loop* best = nullptr;
  for (Loop* loop = open_; loop != nullptr; loop = loop->following) {
    const int helpers = loop->helpers.load(std::memory_order_relaxed);
    if (helpers >= loop->maxHelpers) continue;
    if (loop->failed.load(std::memory_order_relaxed) || loop->isTaken() ||
        (loop->cancelled != nullptr && loop->cancelled->load(std::memory_order_relaxed))) {
      continue;
    }
    if (best == nullptr || helpers < best->helpers.load(std::memory_order_relaxed)) best = loop;
  }
  return best;
}

void Pool::waitForLoop(Worker& self, std::unique_lock<std::mutex>& lock, uint64_t crewNumber) {
  const uint64_t seen = published_.load(std::memory_order_relaxed);
  const auto changed = [&] { return published_.load(std::memory_order_acquire) != seen; };
  const auto goesOn = [&] {
    const int processor = processorHere();
    if (self.processor.load(std::memory_order_relaxed) != processor)
      self.processor.store(processor, std::memory_order_relaxed);
    return loops_.load(std::memory_order_relaxed) > 0;
  };
  goesOn();
  self.waiting = true;
  lock.unlock();
  const bool found = spinUntil(changed, goesOn);
  lock.lock();
  self.waiting = false;
  if (found || changed() || crewNumber != crewNumber_) return;
  --spinning_;
  ++sleeping_;
  self.sleeping = true;
  self.called.wait(lock, [&] { return !self.sleeping; });
}

void Pool::shrink() {
  const std::lock_guard<std::mutex> lock(mutex_);
  published_.fetch_add(1, std::memory_order_release);
  rouseAll(crew_);
}

void Pool::join() {
  Crew leaving;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    leaving.swap(crew_);
    ++crewNumber_;
    published_.fetch_add(1, std::memory_order_release);
    rouseAll(leaving);
  }
  for (const auto& worker : leaving) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  while (waking_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
}

void runLoop(int64_t chunks, const CancelFlag* cancelled, LoopBody body, void* context) {
  if (chunks <= 0) return;
  const int threads = chunks == 1 ? 1 : threadCount();
  if (threads > 1) {
    Loop loop(chunks, cancelled, body, context);
    loop.open(static_cast<int>(std::min<int64_t>(threads, chunks)) - 1);
    Pool::instance().run(loop);
    if (loop.error) std::rethrow_exception(loop.error);
    return;
  }
  ScratchLease lease;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return;
    body(context, chunk, lease.scratch());
  }
}

}  // namespace detail

int threadCount() {
  int count = detail::wantedThreads.load(std::memory_order_relaxed);
  if (count != 0) return count;
  // Two threads may both ask for the first time; whoever stores first has decided.
  const int decided = defaultThreadCount();
  return detail::wantedThreads.compare_exchange_strong(count, decided) ? decided : count;
}

void setThreadCount(int count) {
  detail::wantedThreads.store(std::clamp(count, 1, 1024));
  detail::Pool::instance().shrink();
}

void joinWorkers() { detail::Pool::instance().join(); }

}  // namespace convkit
