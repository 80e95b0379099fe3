// The queue of background jobs and the thread that works it off.
#include "binding/job_thread.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "threads/float_environment.h"
#include "threads/pool.h"

namespace convkit {
namespace {

// For a job that is expected. Its input is copied meanwhile, an image of 224x224 in 20 us.
constexpr std::chrono::microseconds kLongestWait{150};

}  // namespace

JobThread& JobThread::instance() {
  static JobThread* const thread = new JobThread;
  return *thread;
}

void JobThread::submit(Client& client, std::shared_ptr<Job> job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this, generation = generation_] { serve(generation); });
    client.waiting_.push_back(std::move(job));
    try {
      if (client.waiting_.size() == 1) ready_.push_back(&client);
    } catch (...) {
      client.waiting_.pop_back();
      throw;
    }
    expected_ = false;
    news_.fetch_add(1, std::memory_order_release);
  }
  submitted_.notify_one();
}

void JobThread::expect() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (busy_ || expected_ || !ready_.empty() || !thread_.joinable()) return;
    expected_ = true;
  }
  submitted_.notify_one();
}

void JobThread::cancel(Client& client, const std::shared_ptr<Job>& job) {
  job->cancelled.store(true, std::memory_order_relaxed);
  const std::lock_guard<std::mutex> lock(mutex_);
  // One that has not begun need not wait for its turn to say so.
  const auto place = std::find(client.waiting_.begin(), client.waiting_.end(), job);
  if (place == client.waiting_.end()) return;
  client.waiting_.erase(place);
  if (client.waiting_.empty()) ready_.remove(&client);
  job->outcome = Job::Outcome::cancelled;
  job->work = nullptr;
  client.report(job);
}

void JobThread::close(Client& client) {
  std::deque<std::shared_ptr<Job>> dropped;  // destroyed after the lock is released
  std::unique_lock<std::mutex> lock(mutex_);
  client.closed_ = true;
  dropped.swap(client.waiting_);
  ready_.remove(&client);
  if (client.running_) client.running_->cancelled.store(true, std::memory_order_relaxed);
  finished_.wait(lock, [&] { return client.running_ == nullptr; });
}

void JobThread::join() {
  std::thread leaving;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (busy_ || !ready_.empty())
      return;  // an environment that has just begun needs the thread, and will end it
    leaving = std::move(thread_);
    ++generation_;
    news_.fetch_add(1, std::memory_order_release);
  }
  submitted_.notify_all();
  if (leaving.joinable()) leaving.join();
}

void JobThread::serve(uint64_t generation) {
  detail::prepareThread();
  const FloatEnvironment environment;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    submitted_.wait(lock, [&] { return !ready_.empty() || expected_ || generation != generation_; });
    if (generation != generation_) return;
    if (ready_.empty()) awaitExpected(lock);
    else runNext(lock);
  }
}

void JobThread::awaitExpected(std::unique_lock<std::mutex>& lock) {
  const uint64_t seen = news_.load(std::memory_order_relaxed);
  const auto begin = std::chrono::steady_clock::now();
  lock.unlock();
  while (news_.load(std::memory_order_acquire) == seen &&
         std::chrono::steady_clock::now() - begin < kLongestWait)
    std::this_thread::yield();
  lock.lock();
  expected_ = false;
}

void JobThread::runNext(std::unique_lock<std::mutex>& lock) {
  Client& client = *ready_.front();
  const std::shared_ptr<Job> job = std::move(client.waiting_.front());
  client.waiting_.pop_front();
  if (client.waiting_.empty()) {
    ready_.pop_front();
  } else {
    ready_.splice(ready_.end(), ready_, ready_.begin());
  }
  client.running_ = job;
  busy_ = true;
  lock.unlock();

  Job::Outcome outcome = Job::Outcome::done;
  try {
    job->work(&job->cancelled);
  } catch (...) {
    outcome = Job::Outcome::failed;
  }
  job->work = nullptr;  // what it held may be large

  lock.lock();
  job->outcome = outcome == Job::Outcome::done && job->cancelled.load(std::memory_order_relaxed)
                     ? Job::Outcome::cancelled
                     : outcome;
  client.running_ = nullptr;
  busy_ = false;
  if (!client.closed_) client.report(job);
  finished_.notify_all();
}

}  // namespace convkit
