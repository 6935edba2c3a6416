import HeroKernel

/// A start that only needs a shim.
final class PreparedStart {
    let launch: ResolvedLaunch
    /// The sealed memory file with the spec.
    let spec: Descriptor
    /// Whether the start was cancelled while the fork server had its request: its process tree is killed at once.
    var isCancelled = false
    /// A shim that runs must never be without a watch (RX-1).
    private var reserved: Descriptor?

    init(launch: ResolvedLaunch, spec: Descriptor, reserved: Descriptor) {
        self.launch = launch
        self.spec = spec
        self.reserved = reserved
    }

    var request: LaunchRequest { launch.request }

    /// The argument of the shim that names its job in `ps`.
    var title: String { "\(request.label) #\(request.start.job)" }

    /// Closes the reserved descriptor, immediately before the pidfd takes its place.
    func releaseReservedDescriptor() { reserved = nil }
}
