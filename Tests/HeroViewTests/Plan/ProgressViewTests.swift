import HeroModel
import HeroView
import Testing

@Suite struct ProgressViewTests {
    private func step(_ name: String, _ state: ServiceState, _ detail: String = "", _ ms: Int = 1200) -> ProgressStep {
        ProgressStep(service: QualifiedName(name), state: state, detail: detail, elapsed: .milliseconds(ms))
    }

    @Test("A progress step is one line")
    func lines() {
        let view = ProgressView()
        #expect(view.line(step("web", .running)) == "core/web: running (ready in 1.2s)")
        #expect(view.line(step("web", .exited)) == "core/web: exited (done in 1.2s)")
        #expect(
            view.line(step("web", .starting, "waits for tcp 8080", 200)) == "core/web: starting: waits for tcp 8080"
        )
        #expect(view.line(step("web", .stopping, "", 12_000)) == "core/web: stopping (12s)")
        #expect(view.line(step("web", .failed, "exit code 3")) == "core/web: failed: exit code 3 (after 1.2s)")
        #expect(view.line(step("web", .blocked, "waits for core/db")) == "core/web: waits for core/db")
        #expect(isHarmless(view.line(step(hostile, .failed, hostile))))
    }

    @Test("Repeated failures of a service are counted in one line")
    func repeatedFailures() {
        let (view, web) = (ProgressView(), QualifiedName("web"))
        #expect(view.repeatedFailures(of: web, count: 1) == "core/web: failed once more in the same way")
        #expect(view.repeatedFailures(of: web, count: 7) == "core/web: failed 7 more times in the same way")
    }

    /// A terminal that interprets only the sequences of a frame.
    private struct Screen {
        var rows = [""]
        var row = 0

        mutating func write(_ text: String) {
            var rest = Substring(text)
            while let first = rest.popFirst() {
                switch first {
                case "\n":
                    row += 1
                    if row == rows.count { rows.append("") }
                case "\r": break
                case "\u{1B}":
                    _ = rest.popFirst()
                    let digits = rest.prefix(while: \.isNumber)
                    rest = rest.dropFirst(digits.count)
                    switch rest.popFirst() {
                    case "A": row -= Int(digits) ?? 0
                    case "K": rows[row] = ""
                    case "J": rows = rows[..<row] + [""]
                    default: Issue.record("an unknown sequence")
                    }
                default: rows[row].append(first)
                }
            }
        }
    }

    @Test("Each progress frame replaces the previous one, whatever their sizes")
    func frames() {
        let view = ProgressView(OutputStyle(width: 40))
        var screen = Screen()
        screen.write("$ heroproc apply\n")
        var frame = view.frame([], replacing: 0, height: 5)
        for count in [3, 1, 9, 5, 0, 2] {
            let steps = (0..<count).map {
                step("s\($0)", $0 < 4 ? .running : .starting, String(repeating: "漢", count: $0 * 3))
            }
            frame = view.frame(steps, replacing: frame.lines, height: 5)
            screen.write(frame.text)
            #expect(frame.lines == min(count, 5))
            #expect(screen.rows.count == frame.lines + 2 && screen.row == frame.lines + 1)
            #expect(screen.rows.first == "$ heroproc apply")
            #expect(screen.rows.allSatisfy { $0.unicodeScalars.reduce(0) { $0 + ($1 == "漢" ? 2 : 1) } < 40 })
            if count == 9 {
                #expect(screen.rows[1].hasPrefix("core/s4: starting"))
                #expect(screen.rows[5] == "... and 5 more, 4 of 9 settled")
            }
        }
    }
}
