// The structs of the contract, read field by field.
#pragma once

#include "binding/arguments.h"
#include "conv/conv.h"
#include "elementwise/broadcast.h"
#include "image/resize.h"
#include "norm/local_response.h"
#include "norm/norm.h"
#include "pooling/pool.h"
#include "rearrange/remap.h"
#include "rearrange/windows.h"

namespace convkit {

struct ActivationChoice {
  Activation kind;
  ActivationParameters parameters;
};

ActivationChoice readActivation(napi_env env, napi_value value, const char* operation);
ConvGeometry readConvGeometry(napi_env env, napi_value value, const char* operation);
PoolGeometry readPoolGeometry(napi_env env, napi_value value, const char* operation);
LocalResponse readLocalResponse(napi_env env, napi_value value, const char* operation);
NormGeometry readNormGeometry(napi_env env, napi_value value, const char* operation);
WindowGeometry readWindowGeometry(napi_env env, napi_value value, const char* operation);
RemapGeometry readRemapGeometry(napi_env env, napi_value value, const char* operation);
SgdStep readSgdStep(napi_env env, napi_value value, const char* operation);
AdamStep readAdamStep(napi_env env, napi_value value, const char* operation);
ResizeGeometry readResizeGeometry(napi_env env, napi_value value, const char* operation);
BroadcastGeometry readBroadcastGeometry(napi_env env, napi_value value, const char* operation);
// A copy of an Int32Array.
std::vector<int32_t> readIntegers(napi_env env, napi_value value, const char* operation, const char* name);

}  // namespace convkit
