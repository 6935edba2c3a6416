/// The end of the log line that marks a lost shim.
enum LostShimMarker {
    static let suffix = " stderr F [heroproc: the shim was lost; the reconciler saved what follows]"
}

/// A start of a job.
struct InstanceID: Hashable, Sendable {
    let job: Int
    let restartCount: Int
}

/// One numbered line of an oracle in a CRI log.
struct OracleLine {
    /// Bytes of each line of an oracle, including the newline.
    static let byteCount = 100

    let instance: InstanceID
    let number: Int

    /// Parses `TIME stdout F line JOB RESTARTS NUMBER FILLING CHECKSUM`; nil for any other line.
    init?(_ line: Substring) {
        let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4, fields[1] == "stdout", fields[2] == "F", fields[0].hasSuffix("Z") else { return nil }
        let text = fields[3].utf8
        let parts = fields[3].split(separator: " ")
        guard parts.count == 6, parts[0] == "line", let sum = UInt32(parts[5], radix: 16) else { return nil }
        let hash = text.dropLast(9).reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        guard hash == sum, let job = Int(parts[1]), let restarts = Int(parts[2]), let number = Int(parts[3]) else {
            return nil
        }
        instance = InstanceID(job: job, restartCount: restarts)
        self.number = number
    }
}
