// Rule: every type of the domain is defined once, here, and does not depend on its source.
//
// HeroModel holds the types that all modules share: manifests, records of jobs and services, process identities.
// It imports only HeroSchedule, reads no clock and opens no file.
