public import HeroModel

/// A request to store the output of a start whose shim is gone.
public struct OutputCaptureRequest: Hashable, Sendable {
    /// The start.
    public var start: StartID
    /// How much output is kept in the log.
    public var log: LogPolicy
    /// The path of the log in the log directory, as in `LaunchRequest`.
    public var logFile: String

    /// Makes a request.
    public init(start: StartID, log: LogPolicy, logFile: String) {
        self.start = start
        self.log = log
        self.logFile = logFile
    }
}
