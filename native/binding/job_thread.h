// Background jobs: one thread for the whole process takes them one at a time, first in first out within an
// environment and in turn between environments; the loops inside a job spread over the pool. Knows nothing of
// JavaScript.
#pragma once

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
  void cancel(Client& client, const std::shared_ptr<Job>& job);
  // Cancels the client's jobs and returns when none of them is running; no report comes afterwards.
  void close(Client& client);
  // Ends the thread if it has nothing to do; a later `submit` starts it again. Called when no environment is
  // left.
  void join();

 private:
  void serve(uint64_t generation);
  void runNext(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable submitted_, finished_;
  std::list<Client*> ready_;  // those with waiting jobs, the next one first
  bool busy_ = false;         // a job is running
  std::thread thread_;
  uint64_t generation_ = 0;  // raised when the thread is dismissed
};

}  // namespace convkit
