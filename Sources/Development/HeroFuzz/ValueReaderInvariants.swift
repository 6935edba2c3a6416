internal import HeroModel
import HeroSchedule

/// What the readers of single values promise of any bytes; manifests are judged by `Promises`.
enum ValueReaderInvariants {
    /// Which promises the reader of a number broke; nil where there is no such reader.
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
            if first != second { return ["an environment file read twice says two things"] }
            return first.contains { $0.key.isEmpty || $0.value.utf8.contains(0) }
                ? ["no program can be given a variable of an environment file"] : []
        case (.failure(let flaw as EnvironmentFile.SyntaxError), .failure):
            let lines = bytes.count { $0 == 0x0A } + 1
            return (1...lines).contains(flaw.line) && !flaw.reason.isEmpty
                ? [] : ["the flaw of an environment file is not inside it"]
        case (.success, .failure), (.failure, _): return ["an environment file read twice says two things"]
        }
    }

    private static func cronViolations(_ text: String) -> [String] {
        do throws(CronSyntaxError) {
            return try CronFields(parsing: text) == CronFields(parsing: text)
                ? [] : ["a cron expression read twice says two things"]
        } catch {
            return error.message.isEmpty || error.offset < 0 || error.offset > text.unicodeScalars.count
                ? ["the mistake of a cron expression is not inside it"] : []
        }
    }

    /// A file of zone rules comes from the machine, which may have anything there.
    private static func zoneViolations(_ bytes: [UInt8]) -> [String] {
        guard let rules = TimeZoneRules(tzif: bytes) else {
            _ = TimeZoneRules(posix: String(decoding: bytes, as: UTF8.self))
            return []
        }
        return TimeZoneRules(tzif: bytes) == rules ? [] : ["rules of a zone read twice say two things"]
    }
}
