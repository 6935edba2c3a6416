/// A file that is made to exhaust the time, the memory or the stack of its reader.
public struct HostileFile: Sendable, CustomStringConvertible {
    /// A short description.
    public let name: String
    /// The code of the diagnostic that must refuse the file.
    public let expectedCode: String
    /// Makes the content of the file.
    public let bytes: @Sendable () -> [UInt8]

    /// The name.
    public var description: String { name }

    private init(_ name: String, _ expectedCode: String, _ bytes: @escaping @Sendable () -> [UInt8]) {
        self.name = name
        self.expectedCode = expectedCode
        self.bytes = bytes
    }

    private static let head = "kind: Service\nname: web\n"
    private static let mebibyte = 1_048_576

    /// All hostile files (YM-1).
    public static let all: [HostileFile] =
        nesting + nodeCounts + sizes + encodings + anchorsAndAliases + diagnosticCounts

    private static let nesting: [HostileFile] = [
        HostileFile("a hundred thousand [", "too-deep") { repeated("[", 100_000) },
        HostileFile("a mebibyte of {a:", "too-deep") { repeated("{a: ", mebibyte / 4) },
        HostileFile("a mebibyte of block lists", "too-deep") { repeated("- ", mebibyte / 2) },
        HostileFile("a mebibyte of explicit keys", "too-deep") { repeated("? ", mebibyte / 2) },
        HostileFile("a thousand maps below each other", "too-deep") {
            Array((0..<1000).map { String(repeating: " ", count: $0) + "a:\n" }.joined().utf8)
        },
        HostileFile("brackets below a thousand keys", "too-deep") {
            Array((head + "env: " + String(repeating: "[{a: ", count: 50_000)).utf8)
        },
        HostileFile("a mebibyte of ]", "syntax") { repeated("]", mebibyte) },
    ]

    private static let nodeCounts: [HostileFile] = [
        HostileFile("pairs of brackets", "too-many-nodes") { repeated("[],", 300_000, after: "[") },
        HostileFile("a list of 60,000 items", "too-many-nodes") { repeated("a,", 60_000, after: "\(head)tags: [") },
        HostileFile("a hundred thousand documents", "too-many-nodes") { repeated("---\n", 100_000) },
        HostileFile("a mebibyte of document ends", "too-many-nodes") { repeated("--- a\n...\n", 104_857) },
        HostileFile("a map of 40,000 keys", "too-many-nodes") {
            Array(("\(head)labels: {" + (0..<40_000).map { "k\($0): 1" }.joined(separator: ", ") + "}").utf8)
        },
        HostileFile("a mebibyte of commas", "syntax") { repeated(",", mebibyte - 40, after: "\(head)tags: [") },
        HostileFile("half a mebibyte of empty pairs", "too-many-mistakes") { repeated("? \n", 300_000, after: head) },
    ]

    private static let sizes: [HostileFile] = [
        HostileFile("one string of 65,537 bytes", "text-too-long") {
            repeated("x", 65_537, after: "\(head)description: ")
        },
        HostileFile("one string of a mebibyte", "text-too-long") {
            repeated("x", 1_000_000, after: "\(head)description: \"") + [34]
        },
        HostileFile("one block of a mebibyte", "text-too-long") {
            repeated("  x\n", 260_000, after: "\(head)description: |\n")
        },
        HostileFile("one string of escapes", "text-too-long") {
            repeated("\\U0001F600", 100_000, after: "\(head)description: \"") + [34]
        },
        HostileFile("one key of a mebibyte", "syntax") { repeated("k", 1_000_000, after: head) + Array(": 1\n".utf8) },
        HostileFile("one byte more than a mebibyte", "file-too-large") { repeated("#", mebibyte + 1) },
        HostileFile("eight mebibytes", "file-too-large") { repeated("a: b\n", 8 * mebibyte / 5) },
        HostileFile("a number of a thousand digits", "out-of-range") {
            Array("\(head)generation: \(String(repeating: "9", count: 1000))\nactions: [{name: a, exec: [a]}]\n".utf8)
        },
    ]

    private static let encodings: [HostileFile] = [
        HostileFile("a mebibyte of NUL", "not-utf8") { repeated("\0", mebibyte) },
        HostileFile("a mebibyte of 0xFF", "not-utf8") { Array(repeating: 0xFF, count: mebibyte) },
        HostileFile("a mebibyte of continuation bytes", "not-utf8") { Array(repeating: 0x80, count: mebibyte) },
        HostileFile("an invalid byte at the very end", "not-utf8") { repeated("# x\n", 262_143) + [0xC3] },
        HostileFile("a mebibyte of directives", "syntax") {
            Array((0..<60_000).map { "%TAG !a\($0)! x\n" }.joined().utf8)
        },
        HostileFile("a carriage return before every quote", "syntax") { repeated("\r\"", 500_000) },
        HostileFile("a mebibyte of tabs", "tab") { repeated("\t", 1_000_000, after: head) },
        HostileFile("a mebibyte of terminal escapes", "control-character") { repeated("\u{1B}[2J", 262_144) },
        HostileFile("a mebibyte of colons", "syntax") { repeated(": ", mebibyte / 2 - 1, after: "a") },
    ]

    private static let anchorsAndAliases: [HostileFile] = [
        HostileFile("ten thousand anchors", "anchor") { repeated("&a x,", 10_000, after: "\(head)tags: [") + [93] },
        HostileFile("ten thousand aliases", "alias") { repeated("*a,", 10_000, after: "\(head)tags: [&a x,") + [93] },
        HostileFile("a billion laughs", "alias") {
            var text = "a0: &a0 [lol]\n"
            for level in 1..<30 {
                let names = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                text += "a\(level): &a\(level) [\(names)]\n"
            }
            return Array(text.utf8)
        },
        HostileFile("an alias of itself", "alias") { Array("a: &a [*a, *a]\n".utf8) },
        HostileFile("a chain of merge keys", "merge-key") {
            Array((0..<5000).map { "m\($0): &m\($0) {<<: *m\(max(0, $0 - 1))}\n" }.joined().utf8)
        },
    ]

    private static let diagnosticCounts: [HostileFile] = [
        HostileFile("a thousand unknown keys", "too-many-mistakes") {
            Array((head + (0..<1000).map { "zz\($0): 1\n" }.joined()).utf8)
        },
        HostileFile("a thousand long unknown keys", "unknown-key") {
            Array((head + (0..<900).map { "z\($0)\(String(repeating: "y", count: 900)): 1\n" }.joined()).utf8)
        },
        HostileFile("a key twenty thousand times", "duplicate-key") { repeated("a: 1\n", 20_000) },
        HostileFile("five thousand errors on one line", "too-many-mistakes") {
            Array(("\(head)actions: [" + (0..<5000).map { "{zz\($0): 1}" }.joined(separator: ", ") + "]\n").utf8)
        },
    ]

    private static func repeated(_ text: String, _ count: Int, after head: String = "") -> [UInt8] {
        Array((head + String(repeating: text, count: count)).utf8)
    }
}
