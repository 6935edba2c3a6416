/// A measured supervisor, with a number of services that all run the same program.
protocol Supervisor: AnyObject {
    /// The stamps of the services.
    var stamps: Stamps { get }

    /// Starts all services. Returns when the supervisor reports success, or at once if it never reports.
    func start() throws

    /// Stops all services and the supervisor. Returns as `start` does.
    func stop() throws
}
