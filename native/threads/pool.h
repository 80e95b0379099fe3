// The pool: its workers, and the loops that are open to them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "threads/parallel.h"
#include "threads/placement.h"

namespace convkit::detail {

// For a new thread of the engine: a name, no signals, which are for the process's own threads to handle, and
// a little less of a busy processor than those.
void prepareThread();

// One parallelFor in progress; it lives on its caller's stack. The caller begins with its share of the chunks
// and workers with the others, so that loops over the same arrays find their part in their own caches.
struct Loop {
  const int64_t chunks;
  const CancelFlag* const cancelled;
  const LoopBody body;
  void* const context;
  int maxHelpers = 0;
  int home = -1;  // the processor of the caller, where that is known
  // The first chunk that nobody has taken, of the caller's [0, share) and of the others, [share, chunks)
  std::atomic<int64_t> next{0}, nextOfOthers{0};
  int64_t share = 0;
  std::atomic<int> helpers{0};      // workers inside; changed under the pool's mutex
  std::atomic<bool> failed{false};  // `error` is set, or being set
  std::exception_ptr error{};
  bool callerSleeps = false;  // under the pool's mutex
  Loop* following = nullptr;  // in the pool's list

  Loop(int64_t count, const CancelFlag* cancel, LoopBody call, void* with)
      : chunks(count), cancelled(cancel), body(call), context(with) {}
  void open(int helpersAtMost);  // before anybody works
  bool isTaken() const;          // every chunk
  void work(bool isCaller) noexcept;

 private:
  int64_t take(bool isCaller);  // `chunks` where none is left
};

class Pool {
 public:
  // Heap-allocated and never destroyed: threads may still be leaving while the process exits.
  static Pool& instance();

  void run(Loop& loop);
  void shrink();  // workers beyond the present thread count leave
  void join();

 private:
  struct Worker : MovableThread {
    std::condition_variable called;
    std::atomic<int> processor{-1};  // where it was last seen waiting
    // Under mutex_
    bool alive = false;  // has not yet decided to leave
    bool waiting = false, sleeping = false;
  };
  using Crew = std::vector<std::unique_ptr<Worker>>;

  void publish(Loop& loop);
  void withdraw(Loop& loop);
  void startWorkers(int home);  // mutex_ held
  void serve(Worker& self, int index, uint64_t crewNumber);
  Loop* choose();  // mutex_ held; null where no loop wants another helper
  void waitForLoop(Worker& self, std::unique_lock<std::mutex>& lock, uint64_t crewNumber);
  void rouse(Worker& sleeper);      // mutex_ held; its `called` is to be notified
  void rouseAll(const Crew& crew);  // mutex_ held
  int wake(int most, int home);     // how many, in fact

  std::mutex mutex_;
  std::condition_variable helperLeft_;
  std::atomic<uint64_t> published_{0};  // raised under mutex_ whenever workers should look again
  std::atomic<int> loops_{0};           // how many are open
  std::atomic<int> waking_{0};          // callers that hold workers, which must not be destroyed
  Loop* open_ = nullptr;                // a list, oldest first
  Crew crew_;
  uint64_t crewNumber_ = 0;  // raised when a crew is dismissed
  int spinning_ = 0, sleeping_ = 0;
};

}  // namespace convkit::detail
