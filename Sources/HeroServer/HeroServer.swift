// Rule: read what heroproc records, and change nothing except through the reconciler.
//
// HeroServer is the program `heroproc-server`: HTTP on Unix sockets and loopback addresses, JSON-RPC, metrics, event
// streams and the dashboard. It reads rows from the database, and runs `heroproc` for what also needs the manifests or
// the kernel. The reconciler does not depend on it.
