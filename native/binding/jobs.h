// The background jobs of one environment: promises on its thread, work on the job thread.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "binding/job_thread.h"

namespace convkit {

class Jobs : public JobThread::Client {
 public:
  explicit Jobs(napi_env env);

  // Gives the contract's Job object. `kept` are the arrays that `work` points into: they stay reachable until
  // the job has settled.
  napi_value submit(std::function<void(const CancelFlag*)> work, const std::vector<napi_value>& kept);

 protected:
  void report(const std::shared_ptr<Job>& job) noexcept override;

 private:
  struct Promised;
  void begin(const std::shared_ptr<Promised>& job, const std::vector<napi_value>& kept);
  static void settle(napi_env env, napi_value, void* jobs, void* job);
  static napi_value cancelThis(napi_env env, napi_callback_info info);

  const napi_env env_;
  napi_threadsafe_function settled_ = nullptr;
  napi_ref cancel_ = nullptr;  // the method of all jobs: to make a function for each takes 15 us
  // By number, until they have settled. An idle addon does not keep the process alive, a pending job does.
  std::map<int64_t, Promised*> pending_;
  int64_t submitted_ = 0;
};

}  // namespace convkit
