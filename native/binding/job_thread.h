// Background jobs: one thread for the whole process takes them one at a time, first in first out within an
// environment and in turn between environments; the loops inside a job spread over the pool. Knows nothing of
// JavaScript.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "threads/parallel.h"

namespace convkit {

struct Job {
  enum class Outcome { pending, done, cancelled, failed };

  std::function<void(const CancelFlag*)> work;
  CancelFlag cancelled{false};
  Outcome outcome = Outcome::pending;  // settled before the job is reported

  virtual ~Job() = default;
};

class JobThread {
 public:
  // One environment's place in the queue.
  class Client {
   public:
    virtual ~Client() = default;

   protected:
    // Called once for every job that was not dropped by `close`, on the job thread or in `cancel`. It must
    // neither wait nor throw.
    virtual void report(const std::shared_ptr<Job>& job) noexcept = 0;

   private:
    friend class JobThread;
    std::deque<std::shared_ptr<Job>> waiting_;
    std::shared_ptr<Job> running_;
    bool closed_ = false;
  };

  // Heap-allocated and never destroyed, as the pool.
  static JobThread& instance();

  void submit(Client& client, std::shared_ptr<Job> job);  // throws std::bad_alloc, std::system_error
  // A job is about to be submitted: the thread wakes up meanwhile, and waits for it actively, though not for
  // long. MobileNetV2 of one image, one thread, two processors: a job begins 5 us after it was submitted
  // instead of 44, and to submit it takes 4 us instead of 15; a run takes 3.40 ms instead of 3.43. With a
  // thread for each processor nothing is lost or gained, also where the pool's workers are woken as early or
  // this thread is kept off the event loop's processor. Waking the event loop before a job ends, to wait for
  // it there, gained no more than 0.3 % beside this.
  void expect();
  void cancel(Client& client, const std::shared_ptr<Job>& job);
  // Cancels the client's jobs and returns when none of them is running; no report comes afterwards.
  void close(Client& client);
  // Ends the thread if it has nothing to do; a later `submit` starts it again. Called when no environment is
  // left.
  void join();

 private:
  void serve(uint64_t generation);
  void awaitExpected(std::unique_lock<std::mutex>& lock);
  void runNext(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable submitted_, finished_;
  std::list<Client*> ready_;  // those with waiting jobs, the next one first
  bool busy_ = false;         // a job is running
  bool expected_ = false;     // one is about to be submitted
  // Raised under mutex_ whenever a job is submitted or the thread dismissed
  std::atomic<uint64_t> news_{0};
  std::thread thread_;
  uint64_t generation_ = 0;  // raised when the thread is dismissed
};

}  // namespace convkit
