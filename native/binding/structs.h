// The structs of the contract, read field by field.
#pragma once

#include "binding/arguments.h"
#include "conv/conv.h"
#include "pooling/pool.h"

namespace convkit {

struct ActivationChoice {
  Activation kind;
  float negativeSlope;
};

ActivationChoice readActivation(napi_env env, napi_value value, const char* operation);
ConvGeometry readConvGeometry(napi_env env, napi_value value, const char* operation);
PoolGeometry readPoolGeometry(napi_env env, napi_value value, const char* operation);

}  // namespace convkit
