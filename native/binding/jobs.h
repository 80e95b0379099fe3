// The background jobs of one environment: promises on its thread, work on the job thread.
#pragma once

#include <napi.h>

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
  static void settle(napi_env env, napi_value, void* jobs, void* job);

  const napi_env env_;
  napi_threadsafe_function settled_ = nullptr;
  int64_t pending_ = 0;  // an idle addon does not keep the process alive, a pending job does
};

}  // namespace convkit
