public import HeroModel

/// What the machine offers, and what holds the resources that actions need.
public protocol HostInspection: AnyObject {
    /// How this machine contains and limits process trees.
    var capabilities: ContainmentSupport { get }

    /// Finds what prevents the start of an action; changes nothing.
    func scanStartBlockers(_ request: BlockerScanRequest) -> StartBlockers

    /// Inspects many actions at once, for a plan; changes nothing.
    ///
    /// - Returns: as many results, in the same order.
    func inspectActions(_ requests: [ActionInspectionRequest]) -> [ActionInspectionResult]

    /// Reads the content of files as digests, for comparison.
    ///
    /// - Returns: one digest for each reference, in the same order; nil for a file that cannot be read.
    func readContents(_ references: [ContentReference]) -> [String?]

    /// Removes a stale socket file, if it is still the same file (SK-4).
    func removeSocket(_ file: SocketFile)

    /// Removes a PID file that an earlier start has left behind, if it is still the same file.
    func removeLeftPIDFile(_ file: LeftPIDFile)
}
