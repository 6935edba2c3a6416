import Testing

/// Something that must not stand in code, and what to do instead.
private struct Ban: Sendable {
    /// What stands in every line that the pattern finds: to search for that first takes a hundredth of the time.
    let words: [String]
    let pattern: @Sendable () -> Regex<Substring>
    let instead: String
    let folders: [String]

    init(
        _ words: String...,
        as pattern: @escaping @Sendable () -> Regex<Substring>,
        in folders: [String],
        instead: String
    ) {
        self.words = words
        self.pattern = pattern
        self.folders = folders
        self.instead = instead
    }

    /// Whether it holds for a file.
    func covers(_ file: House.File) -> Bool { folders.contains { file.path.hasPrefix($0 + "/") } }

    /// Whether it occurs in a line of code.
    func occurs(in line: String) -> Bool {
        guard words.contains(where: { line.contains($0) }) else { return false }
        // A declaration may bear the name; what counts is the call.
        return line.replacing(/\bfunc\s+\w+/, with: "func").contains(pattern())
    }
}

@Suite("Laws of the source")
struct SourceLawTests {
    private static let pure = [
        "HeroModel", "HeroManifest", "HeroPlan", "HeroLife", "HeroKernel", "HeroSim", "HeroStore", "HeroReconciler",
        "HeroView",
    ].map { "Sources/\($0)" }

    private static let bans: [Ban] = [
        Ban("try!", as: { /\btry!/ }, in: ["Sources", "Tests"], instead: "a trap is a crash: let the error go up"),
        Ban(
            "as!",
            as: { /\bas!/ },
            in: ["Sources", "Tests"],
            instead: "a trap is a crash: use `as?` and say what is wrong"
        ),
        Ban(
            "kill",
            as: { /(?:^|[^\w.])(?:kill|killpg|tkill|tgkill)\s*\(/ },
            in: ["Sources"],
            instead: "every signal goes through a pidfd (ID-2)"
        ),
        Ban(
            "system",
            "popen",
            as: { /(?:^|[^\w.])(?:system|popen)\s*\(/ },
            in: ["Sources"],
            instead: "no shell that nobody asked for"
        ),
        Ban("Process()", as: { /\bProcess\(\)/ }, in: ["Sources"], instead: "it polls; use the kernel door"),
        Ban(
            "FileHandle",
            as: { /\bFileHandle\b/ },
            in: ["Sources"],
            instead: "it traps on errors; write to the descriptor"
        ),
        Ban("Date", as: { /\bDate\(\)|\bDate\.now\b/ }, in: pure, instead: "the moment is an argument (TM-1)"),
    ]

    @Test("no file is longer than 400 lines")
    func lengths() throws {
        let files =
            try House.files(below: "Sources", ending: ".swift", ".c", ".h")
            + House.files(below: "Tests", ending: ".swift")
        for file in files where file.source.lineCount > 400 {
            Issue.record("\(file.path) has \(file.source.lineCount) lines: which two ideas are in it?")
        }
    }

    @Test("what is banned does not occur")
    func banned() throws {
        let files =
            try House.files(below: "Sources", ending: ".swift", ".c")
            + House.files(below: "Tests", ending: ".swift", ".c")
        for file in files {
            for ban in Self.bans where ban.covers(file) {
                for (index, line) in file.source.code.enumerated() where ban.occurs(in: line) {
                    Issue.record("\(file.path):\(index + 1): \(line.trimmed): \(ban.instead)")
                }
            }
        }
    }

    @Test("no note to do something later")
    func noNotesToSelf() throws {
        // Six of the last one in a row make a template of mkdtemp(3).
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX "]
        for place in ["Sources", "Tests", "services.d", ".ci"] {
            for file in try House.files(below: place, ending: ".swift", ".c", ".h", ".yaml", "run", "deps") {
                for (index, line) in file.source.lines.enumerated() where words.contains(where: { line.contains($0) }) {
                    Issue.record("\(file.path):\(index + 1): do it now, or open an issue: \(line)")
                }
            }
        }
    }
}

extension String {
    fileprivate var trimmed: Substring {
        let start = drop(while: \.isWhitespace)
        return start.prefix(80)
    }
}
