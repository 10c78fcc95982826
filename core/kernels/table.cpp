#include "kernels/table.h"

#include "runtime/cpu.h"

// The build defines WEFT_HAVE_ISA_V2, _V3 and _V4 as 1 or 0: which builds of the kernels are linked in.

namespace weft::kernels {

namespace once {
void fill_pointwise_complex(PointwiseTable&);
}
namespace isa_portable {
void fill(KernelTable&);
}
namespace isa_v2 {
void fill(KernelTable&);
}
namespace isa_v3 {
void fill(KernelTable&);
}
namespace isa_v4 {
void fill(KernelTable&);
}

const KernelTable& table() {
  static const KernelTable chosen = [] {
    KernelTable t{};
    switch (active_isa()) {
#if WEFT_HAVE_ISA_V4
      case Isa::v4:
        isa_v4::fill(t);
        break;
#endif
#if WEFT_HAVE_ISA_V3
      case Isa::v3:
        isa_v3::fill(t);
        break;
#endif
#if WEFT_HAVE_ISA_V2
      case Isa::v2:
        isa_v2::fill(t);
        break;
#endif
      default:
#if WEFT_HAVE_ISA_PORTABLE
        isa_portable::fill(t);
#endif
        break;
    }
    once::fill_pointwise_complex(t.pointwise);
    return t;
  }();
  return chosen;
}

}  // namespace weft::kernels
