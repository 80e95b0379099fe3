// The queue of background jobs: order, fairness, cancellation, and the end of an environment in the middle of
// a job. Meant to run under ThreadSanitizer too.
#include "binding/job_thread.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

using convkit::CancelFlag;
using convkit::Job;
using convkit::JobThread;
using Outcome = Job::Outcome;

int failures = 0;

void check(bool holds, const char* claim) {
  if (holds) return;
  std::printf("FAILED: %s\n", claim);
  ++failures;
}

// Stands for an environment: collects the reports.
class Environment : public JobThread::Client {
 public:
  ~Environment() override { JobThread::instance().close(*this); }

  std::shared_ptr<Job> submit(std::function<void(const CancelFlag*)> work) {
    auto job = std::make_shared<Job>();
    job->work = std::move(work);
    JobThread::instance().submit(*this, job);
    return job;
  }
  void cancel(const std::shared_ptr<Job>& job) { JobThread::instance().cancel(*this, job); }

  std::vector<Outcome> await(std::size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    reported_.wait(lock, [&] { return outcomes_.size() >= count; });
    return outcomes_;
  }
  std::size_t reports() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return outcomes_.size();
  }

 protected:
  void report(const std::shared_ptr<Job>& job) noexcept override {
    const std::lock_guard<std::mutex> lock(mutex_);
    outcomes_.push_back(job->outcome);
    reported_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable reported_;
  std::vector<Outcome> outcomes_;
};

void untilCancelled(const CancelFlag* cancelled) {
  while (!cancelled->load()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

// Holds the job thread until it is opened, so that what is submitted meanwhile really waits.
class Gate {
 public:
  std::function<void(const CancelFlag*)> work() {
    return [this](const CancelFlag*) {
      entered_ = true;
      while (!open_) std::this_thread::yield();
    };
  }
  void awaitEntry() {
    while (!entered_) std::this_thread::yield();
  }
  void open() { open_ = true; }

 private:
  std::atomic<bool> entered_{false}, open_{false};
};

void jobsRunInOrderAndInTurn() {
  Environment first, second;
  Gate gate;
  std::string order;  // written by the job thread alone
  first.submit(gate.work());
  gate.awaitEntry();
  for (int i = 0; i < 3; ++i) first.submit([&order](const CancelFlag*) { order += 'a'; });
  for (int i = 0; i < 2; ++i) second.submit([&order](const CancelFlag*) { order += 'b'; });
  gate.open();
  first.await(4);
  second.await(2);
  check(order == "ababa", "environments take turns, each in its own order");
}

void cancellationIsReported() {
  Environment environment;
  const auto running = environment.submit(untilCancelled);
  bool ran = false;
  const auto waiting = environment.submit([&ran](const CancelFlag*) { ran = true; });
  environment.cancel(waiting);
  check(environment.await(1)[0] == Outcome::cancelled, "a waiting job is cancelled without its turn");
  environment.cancel(running);
  check(environment.await(2)[1] == Outcome::cancelled, "a running job sees the flag");
  environment.cancel(running);
  environment.cancel(waiting);
  environment.submit([](const CancelFlag*) {});
  check(environment.await(3)[2] == Outcome::done, "the queue goes on after cancellations");
  check(!ran && environment.reports() == 3, "a cancelled job never runs and is reported once");
}

void failuresAreReported() {
  Environment environment;
  environment.submit([](const CancelFlag*) { throw std::bad_alloc(); });
  environment.submit([](const CancelFlag*) {});
  const auto outcomes = environment.await(2);
  check(outcomes[0] == Outcome::failed && outcomes[1] == Outcome::done, "bad_alloc fails its own job only");
}

void anEnvironmentEndsInMidJob() {
  for (int round = 0; round < 200; ++round) {
    Environment other;
    std::atomic<bool> inside{false};
    {
      Environment environment;
      environment.submit([&inside, round](const CancelFlag* cancelled) {
        if (round % 2 == 0) untilCancelled(cancelled);
        inside = true;
        inside = false;
      });
      for (int i = 0; i < 3; ++i) environment.submit([&inside](const CancelFlag*) { inside = true; });
      other.submit([](const CancelFlag*) {});
      if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    check(other.await(1)[0] == Outcome::done, "another environment's jobs outlive it");
  }
}

void theThreadRestarts() {
  for (int round = 0; round < 50; ++round) {
    Environment environment;
    environment.submit([](const CancelFlag*) {});
    environment.await(1);
    JobThread::instance().join();
    environment.submit([](const CancelFlag*) {});
    check(environment.await(2)[1] == Outcome::done, "the job thread restarts after join");
  }
}

// Expectations that are met at once, late, by several jobs, and never.
void expectedJobsComeOrDoNot() {
  JobThread::instance().expect();  // before there is a thread
  for (int round = 0; round < 60; ++round) {
    Environment environment;
    std::atomic<int> ran{0};
    const auto count = [&ran](const CancelFlag*) { ++ran; };
    environment.submit(count);
    environment.await(1);
    JobThread::instance().expect();
    if (round % 2 == 0) JobThread::instance().expect();
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(400));
    if (round % 5 == 0) continue;
    if (round % 7 == 0) JobThread::instance().join();
    environment.submit(count);
    JobThread::instance().expect();
    const auto dropped = environment.submit(untilCancelled);
    environment.cancel(dropped);
    check(environment.await(3).size() == 3 && ran == 2, "expected jobs run once, whenever they come");
    JobThread::instance().expect();
    if (round % 4 == 0) JobThread::instance().join();
  }
}

// Environments that come and go on threads of their own, the last of several ending the thread.
void environmentsComeAndGo() {
  std::atomic<int> done{0};
  std::vector<std::thread> owners;
  for (int owner = 0; owner < 4; ++owner) {
    owners.emplace_back([&done, owner] {
      for (int round = 0; round < 50; ++round) {
        Environment environment;
        for (int i = 0; i < 4; ++i) {
          if (i % 2 == 0) JobThread::instance().expect();
          const auto job = environment.submit([&done](const CancelFlag*) { ++done; });
          if ((round + i) % 5 == 0) environment.cancel(job);
        }
        if (owner % 2 == 0) environment.await(4);
        if (round % 10 == 0) JobThread::instance().join();
      }
    });
  }
  for (std::thread& owner : owners) owner.join();
  check(done > 0, "jobs of several environments run");
}

}  // namespace

int main() {
  jobsRunInOrderAndInTurn();
  cancellationIsReported();
  failuresAreReported();
  anEnvironmentEndsInMidJob();
  theThreadRestarts();
  expectedJobsComeOrDoNot();
  environmentsComeAndGo();
  JobThread::instance().join();
  if (failures == 0) std::printf("job thread: all claims hold\n");
  return failures == 0 ? 0 : 1;
}
