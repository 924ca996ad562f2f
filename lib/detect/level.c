#include "detect/detect.h"

enum mw_detect_side mw_detect_side(const struct mw_detect_levels *levels, double value)
{
    if (levels->below ? value < levels->raise : value > levels->raise)
        return MW_DETECT_RAISED;
    if (levels->below ? value >= levels->clear : value <= levels->clear)
        return MW_DETECT_CLEAR;
    return MW_DETECT_BETWEEN;
}

bool mw_detect_raised(const struct mw_detect_levels *levels, bool was_raised, double value)
{
    switch (mw_detect_side(levels, value)) {
    case MW_DETECT_RAISED:
        return true;
    case MW_DETECT_CLEAR:
        return false;
    default:
        return was_raised;
    }
}
