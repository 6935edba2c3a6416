import HeroModel
import Testing

@Suite("Signals")
struct SignalTests {
    @Test(
        "A name gives its number, and the number gives a name that is read back",
        arguments: [
            ("TERM", 15), ("SIGTERM", 15), ("RTMIN", 34), ("SIGRTMIN", 34), ("RTMIN+0", 34), ("RTMIN+3", 37),
            ("SIGRTMIN+3", 37), ("RTMIN+30", 64), ("RTMAX", 64), ("RTMAX-0", 64), ("RTMAX-1", 63), ("SIGRTMAX-30", 34),
        ] as [(String, Int32)]
    )
    func names(_ name: String, _ number: Int32) {
        let signal = Signal(name: name)
        #expect(signal?.number == number)
        #expect(signal.flatMap { Signal(name: $0.description) } == signal)
    }

    @Test(
        "A text that is no signal has no number",
        arguments: [
            "", "SIG", "RT", "RTMIN+", "RTMIN-1", "RTMIN+31", "RTMIN+03", "RTMIN+3 ", "RTMAX+1", "RTMAX-31", "rtmin",
            "RTMIN+999999999999", "37",
        ]
    )
    func noNames(_ name: String) { #expect(Signal(name: name) == nil) }

    @Test("A signal without a name is shown as its number")
    func numbers() {
        #expect(Signal(number: 37).description == "RTMIN+3")
        #expect(Signal(number: 64).description == "RTMAX")
        #expect(Signal(number: 33).description == "33")
        #expect(Signal(number: 65).description == "65")
    }
}
