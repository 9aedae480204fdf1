#include "process/journal_name.h"

bole_slice journal_service_name(bole_slice unit, bole_slice identifier, bole_slice command)
{
    bole_slice suffix = S(".service"), rest;
    if (unit.len > suffix.len && bole_slice_ends(unit, suffix)) {
        bole_slice name = {unit.ptr, unit.len - suffix.len};
        name = bole_slice_cut(name, '@', &rest);
        /* user@1000.service is a session, not a service: what runs in it has names of its own. */
        if (name.len && !bole_slice_eq(name, S("user")))
            return name;
    }
    if (identifier.len)
        return identifier;
    return command.len ? command : S("journald");
}
