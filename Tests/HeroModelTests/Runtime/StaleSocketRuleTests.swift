import HeroModel
import Testing

@Suite("StaleSocketRule")
struct StaleSocketRuleTests {
    private let file = SocketFile(path: "/run/web.sock", device: 1, inode: 2, bornAt: 3)
    private let refused = StaleSocketRule.State.blocked(
        "socket /run/web.sock refuses connections; heroproc checks it once more"
    )

    private func moment(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

    @Test("A socket file that does not refuse is in use, and a missing one free (SK-2)")
    func otherResults() {
        var rule = StaleSocketRule()
        let inUse = "socket /run/web.sock is in use by a program that heroproc cannot inspect"
        #expect(rule.check(file, .other, age: nil, now: moment(0)) { true } == .blocked(inUse))
        #expect(rule.check(file, .missing, age: nil, now: moment(0)) { true } == .free)
    }

    @Test("A refusing socket file is stale at once if the socket table is complete (SK-2)")
    func completeTable() {
        var rule = StaleSocketRule()
        #expect(rule.check(file, .refused, age: .zero, now: moment(0)) { true } == .stale(file))
    }

    @Test("With other network namespaces a socket file is stale after two refusals 500 ms apart (SK-3)")
    func twoRefusals() {
        var rule = StaleSocketRule()
        let age = Duration.seconds(60)
        for time in [0, 100, 499] as [Int64] {
            #expect(rule.check(file, .refused, age: age, now: moment(time)) { false } == refused)
        }
        #expect(rule.check(file, .refused, age: age, now: moment(500)) { false } == .stale(file))
        var other = file
        other.inode = 9
        #expect(rule.check(other, .refused, age: age, now: moment(500)) { false } == refused)
    }

    @Test("A socket file in its first two seconds is never stale (SK-3)")
    func age() {
        for (age, expected) in [
            (.milliseconds(1999), refused), (.seconds(2), .stale(file)), (nil, .stale(file)),
        ] as [(Duration?, StaleSocketRule.State)] {
            var rule = StaleSocketRule()
            _ = rule.check(file, .refused, age: age, now: moment(0)) { false }
            #expect(rule.check(file, .refused, age: age, now: moment(1000)) { false } == expected)
        }
    }

    @Test("A refusal is forgotten after an accepted connection and after a minute (SK-3)")
    func forgotten() {
        let age = Duration.seconds(600)
        var rule = StaleSocketRule()
        _ = rule.check(file, .refused, age: age, now: moment(0)) { false }
        _ = rule.check(file, .other, age: age, now: moment(1000)) { false }
        #expect(rule.check(file, .refused, age: age, now: moment(2000)) { false } == refused)
        rule.removeExpired(moment(61_999))
        #expect(rule.check(file, .refused, age: age, now: moment(61_999)) { false } == .stale(file))
        rule.removeExpired(moment(62_000))
        #expect(rule.check(file, .refused, age: age, now: moment(62_000)) { false } == refused)
    }
}
