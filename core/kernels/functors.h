// All functors of pointwise operators.
#pragma once

#include "kernels/functors_activation.h"
#include "kernels/functors_arithmetic.h"
#include "kernels/functors_bitwise.h"
#include "kernels/functors_compare.h"
#include "kernels/functors_loss.h"
#include "kernels/functors_special.h"
#include "kernels/functors_transcendental.h"
