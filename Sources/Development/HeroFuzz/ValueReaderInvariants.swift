internal import HeroModel
internal import HeroSchedule

/// The invariants of the readers of single values, for any bytes; `ManifestInvariants` checks whole manifests.
enum ValueReaderInvariants {
    /// Returns the invariants that the reader of a number violates; nil if no reader has this number.
    static func violations(_ bytes: [UInt8], reader: UInt8) -> [String]? {
        switch reader {
        case 1: environmentFileViolations(bytes)
        case 2: cronViolations(String(decoding: bytes, as: UTF8.self))
        case 3: zoneViolations(bytes)
        default: nil
        }
    }

    private static func environmentFileViolations(_ bytes: [UInt8]) -> [String] {
        let first = Result { try EnvironmentFile.parse(bytes) }
        let second = Result { try EnvironmentFile.parse(bytes) }
        switch (first, second) {
        case (.success(let first), .success(let second)):
            if first != second { return ["reading an environment file twice gives different results"] }
            return first.contains { $0.key.isEmpty || $0.value.utf8.contains(0) }
                ? ["a variable of an environment file cannot be passed to a program"] : []
        case (.failure(let error as EnvironmentFile.SyntaxError), .failure):
            let lines = bytes.count { $0 == 0x0A } + 1
            return (1...lines).contains(error.line) && !error.reason.isEmpty
                ? [] : ["a syntax error of an environment file has no line inside the file"]
        case (.success, .failure), (.failure, _):
            return ["reading an environment file twice gives different results"]
        }
    }

    private static func cronViolations(_ text: String) -> [String] {
        do throws(CronSyntaxError) {
            return try CronFields(parsing: text) == CronFields(parsing: text)
                ? [] : ["reading a cron expression twice gives different results"]
        } catch {
            return error.message.isEmpty || error.offset < 0 || error.offset > text.unicodeScalars.count
                ? ["a syntax error of a cron expression has no position inside the expression"] : []
        }
    }

    /// Checks time zone rules, which are read from files of the machine and may hold any bytes.
    private static func zoneViolations(_ bytes: [UInt8]) -> [String] {
        guard let rules = TimeZoneRules(tzif: bytes) else {
            _ = TimeZoneRules(posix: String(decoding: bytes, as: UTF8.self))
            return []
        }
        return TimeZoneRules(tzif: bytes) == rules ? [] : ["reading time zone rules twice gives different results"]
    }
}
