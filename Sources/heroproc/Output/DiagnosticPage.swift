import CHeroPages

/// The sections of docs/reference/diagnostics.md, one for each code of a diagnostic.
enum DiagnosticPage {
    /// The text of a code: the problem, an example, its message and the corrected example; nil for an unknown code.
    ///
    /// Examples are indented instead of fenced.
    static func text(of code: String) -> String? {
        let page = UnsafeBufferPointer(start: hero_diagnostics_page(), count: hero_diagnostics_page_size())
        let lines = String(decoding: UnsafeRawBufferPointer(page), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(of: "## \(code)") else { return nil }
        var result = code + "\n"
        var isInExample = false
        for line in lines[(start + 1)...] {
            if line.hasPrefix("```") {
                isInExample.toggle()
            } else if !isInExample, line.hasPrefix("## ") {
                break
            } else {
                result += (isInExample && !line.isEmpty ? "    " : "") + line + "\n"
            }
        }
        while result.hasSuffix("\n\n") { result.removeLast() }
        return result
    }
}
