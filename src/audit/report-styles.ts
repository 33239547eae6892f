/** The style sheet of a report: one column, calm, dark when the reader's system is, one column of cards on a phone, plain on paper. */
export const reportStyles = `
:root{color-scheme:light dark;
--bg:#fbfaf8;--card:#fff;--ink:#1d1f23;--soft:#565b66;--line:#dcdad5;--good:#17663a;--bad:#a3211a;--wait:#7a4d00;--same:#1f4f8f;--accent:#1f4f8f;
--good-bg:#eaf5ee;--bad-bg:#fcecea;--wait-bg:#fdf3df;--same-bg:#e9f0fa}
@media(prefers-color-scheme:dark){:root{
--bg:#15171a;--card:#1c1f24;--ink:#e8e6e1;--soft:#a9adb6;--line:#353a42;--good:#7fd3a0;--bad:#ff9d94;--wait:#f0c674;--same:#9dc1f5;--accent:#9dc1f5;
--good-bg:#17291f;--bad-bg:#331c1b;--wait-bg:#2e2615;--same-bg:#19253a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;overflow-wrap:anywhere}
.page{max-width:66rem;margin:0 auto;padding:0 1.25rem 4rem}
.skip{position:absolute;left:-100rem}
.skip:focus{position:fixed;left:1rem;top:1rem;z-index:2;background:var(--card);padding:.5rem 1rem;border-radius:.4rem}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
header{padding:3rem 0 1rem}
.over{margin:0;color:var(--soft);font-size:.875rem;letter-spacing:.02em}
h1{font-size:clamp(1.6rem,4.5vw,2.4rem);line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:.2rem 0 .8rem;text-wrap:balance}
h2{font-size:1.35rem;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin:0 0 .2rem}
h3{font-size:1.02rem;font-weight:650;margin:1.8rem 0 .3rem}
p{margin:.5rem 0;max-width:44rem}
section{border-top:1px solid var(--line);margin-top:2.75rem;padding-top:1.5rem}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1.5rem 0 0;padding:0;font-size:.92rem}
nav a{display:inline-block;padding:.2rem 0}
.quiet{color:var(--soft)}
.cover{margin:0 0 1rem}
.badge{font-size:.8rem;color:var(--soft)}
.badge.good{color:var(--good)}.badge.good::before{content:"✓ "/""}
.badge.bad{color:var(--bad);font-weight:650}.badge.bad::before{content:"✕ "/""}
.verdict{margin:1.25rem 0 0;padding:1rem 1.25rem;border:1px solid var(--line);border-left:.35rem solid var(--soft);border-radius:.5rem;background:var(--card)}
.verdict p{margin:.3rem 0;max-width:52rem}
.headline{font-weight:650;font-size:1.15rem}
.verdict.consistent{border-left-color:var(--same)}.verdict.consistent .headline::before{content:"◇ "/"";color:var(--same)}
.verdict.anchored{border-left-color:var(--good);background:var(--good-bg)}.verdict.anchored .headline::before{content:"◆ "/"";color:var(--good)}
.verdict.changed,.verdict.differs{border-left-color:var(--bad);background:var(--bad-bg)}
.verdict.changed .headline::before,.verdict.differs .headline::before{content:"✕ "/"";color:var(--bad)}
.verdict.unable{border-left-color:var(--wait);background:var(--wait-bg)}
.notice{border-left:.35rem solid var(--bad);background:var(--bad-bg);padding:.75rem 1.25rem;border-radius:.5rem;margin-top:1rem}
.st::before{display:inline-block;width:1.15em;font-weight:700}
.good.st::before{content:"✓"/"";color:var(--good)}
.bad.st::before{content:"✕"/"";color:var(--bad)}
.wait.st::before{content:"▮"/"";color:var(--wait)}
.same.st::before{content:"="/"";color:var(--same)}
.none.st::before{content:"–"/"";color:var(--soft)}
.lead{font-size:1.08rem}
.state-now{font-size:1.15rem;font-weight:600}
ol.events{list-style:none;margin:1.2rem 0;padding:0;border-left:2px solid var(--line);max-width:52rem}
ol.events li{padding:.28rem 0 .28rem 1.1rem;display:grid;grid-template-columns:7rem 1fr;gap:.75rem}
.t{color:var(--soft);font-variant-numeric:tabular-nums;font-size:.88rem;padding-top:.1rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.9rem 2rem;margin:1.2rem 0}
dl>div{min-width:0}
dt{font-size:.82rem;color:var(--soft)}
dd{margin:0}
dd.code,.code,code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.84em}
.wide{overflow-x:auto;margin:1rem 0;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.85rem;padding:0 0 .4rem}
th,td{text-align:left;vertical-align:baseline;padding:.5rem .9rem .5rem 0;border-bottom:1px solid var(--line)}
thead th{font-size:.82rem;font-weight:600;color:var(--soft);white-space:nowrap}
tbody th{font-weight:600}
th,td{overflow-wrap:break-word}
td.num{text-align:right;padding-right:1.6rem;white-space:nowrap}
td.text{min-width:16rem}
td.code{min-width:20rem;overflow-wrap:anywhere}
td.st{white-space:nowrap}
td.st.long{white-space:normal;min-width:14rem}
svg{display:block;font:12.5px system-ui,sans-serif;max-width:none}
svg text{fill:var(--ink)}
.grid path{stroke:var(--line)}.grid text{fill:var(--soft);font-size:11px}
.bar rect{fill:var(--good)}
.bar.bad rect{fill:var(--bad-bg);stroke:var(--bad);stroke-width:1.5}
.bar.wait rect{fill:none;stroke:var(--wait);stroke-width:1.5;stroke-dasharray:4 3}
.cross{stroke:var(--bad);stroke-width:2;fill:none}
.gate circle,.gate rect,.gate path{stroke-width:2;fill:var(--bg)}
.gate.good circle{stroke:var(--good)}.gate.bad rect{stroke:var(--bad)}.gate.same path{stroke:var(--same)}.gate .cross{stroke:var(--bad);fill:none}.gate.dry circle,.gate.dry rect{stroke-dasharray:2 2}
.turn path{stroke-width:1.5;stroke-dasharray:3 3;fill:none}.turn.same path{stroke:var(--same)}.turn.bad path{stroke:var(--bad);stroke-width:3}
.edges path{fill:none;stroke:var(--soft);stroke-width:1.3}
marker path{fill:var(--soft)}
.node text{text-anchor:middle;font-weight:600}
.node .state{font-weight:400;font-size:11.5px;fill:var(--soft)}
.box{fill:var(--card);stroke:var(--soft);stroke-width:1.5}
.node.good .box{fill:var(--good-bg);stroke:var(--good)}.node.bad .box{fill:var(--bad-bg);stroke:var(--bad);stroke-width:2}
.node.same .box{fill:var(--same-bg);stroke:var(--same)}.node.wait .box{stroke:var(--wait);stroke-dasharray:5 3}.node.none .box{stroke-dasharray:2 3}
details{margin:.8rem 0;border:1px solid var(--line);border-radius:.5rem;background:var(--card);padding:.15rem 1rem}
summary{cursor:pointer;padding:.45rem 0;font-weight:600}
pre{background:var(--bg);border:1px solid var(--line);border-radius:.4rem;padding:.75rem 1rem;overflow-x:auto;white-space:pre-wrap;margin:.6rem 0}
form{margin:1rem 0}
label{display:block;font-weight:600;font-size:.92rem;margin:.9rem 0 .25rem}
textarea,input[type=text]{width:100%;font:.84rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--ink);background:var(--bg);border:1px solid var(--soft);border-radius:.4rem;padding:.55rem .7rem}
input[type=file]{font:inherit;font-size:.92rem;max-width:100%;color:var(--soft)}
button{font:inherit;font-weight:600;color:var(--bg);background:var(--accent);border:0;border-radius:.4rem;padding:.55rem 1.1rem;margin:1rem .6rem 0 0;cursor:pointer}
form button{display:block}
button.second{color:var(--accent);background:none;border:1px solid var(--accent)}
ul.logs{list-style:none;padding:0}
footer{border-top:1px solid var(--line);margin-top:3rem;padding-top:1rem;color:var(--soft);font-size:.88rem}
[hidden]{display:none!important}
@media(max-width:44rem){
.page{padding:0 1rem 3rem}
header{padding-top:1.75rem}
ol.events li{grid-template-columns:1fr;gap:0}
table,tbody,tbody tr,caption{display:block}
.wide{position:relative}
thead{position:absolute;top:0;left:0;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{padding:.7rem 0;border-bottom:1px solid var(--line)}
tbody th,tbody td,td.num,td.text,td.code,td.st,td.st.long{display:block;position:relative;text-align:left;border:0;padding:.12rem 0;min-width:0;white-space:normal;overflow-wrap:anywhere}
tbody th{font-size:1.02rem}
tbody td[data-l]{padding-left:7.1rem}
td[data-l]::after{content:attr(data-l)/"";position:absolute;left:0;top:.12rem;width:6.6rem;color:var(--soft);font-size:.85rem;font-family:system-ui,sans-serif}
}
@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{
:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb}
body{font-size:10.5pt}nav,form,button,.skip{display:none!important}section{break-inside:auto;margin-top:1.5rem}h2,h3{break-after:avoid}tr{break-inside:avoid}
details:not([open])::details-content{content-visibility:visible;display:block}.wide{overflow:visible}svg{max-width:100%;height:auto}
}
`;
