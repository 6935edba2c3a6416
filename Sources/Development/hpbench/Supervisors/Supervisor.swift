/// How the services of a benchmark depend on each other.
enum ServiceShape {
    /// None requires another one.
    case independent
    /// Each requires the one before, and is ready when it says so.
    case chain
    /// Each is a one-shot that requires the one before.
    case oneShotChain
}

/// A measured supervisor, with a number of services that all run the same program.
protocol Supervisor: AnyObject {
    /// The stamps of the services.
    var stamps: Stamps { get }

    /// Starts all services. Returns when the supervisor reports success, or at once if it never reports.
    func start() throws

    /// Stops all services and the supervisor. Returns as `start` does.
    func stop() throws
}
