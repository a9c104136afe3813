import { paletteCss } from "./svg.js";

/** The style sheet of the report page. */
export const stylesheet = `${paletteCss(":root")}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",sans-serif}
main,header,footer{max-width:76rem;margin:0 auto;padding:0 clamp(1rem,4vw,3rem)}
header{padding-top:clamp(2rem,6vw,4.5rem)}
a{color:var(--accent);text-underline-offset:.2em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:1rem;padding:.5rem 1rem;background:var(--page)}
.eyebrow{margin:0;color:var(--accent);font-weight:600}
h1{margin:.25rem 0 0;font-size:clamp(2rem,5vw,3.25rem);line-height:1.1;letter-spacing:-.025em;text-wrap:balance;overflow-wrap:anywhere}
.lead{max-width:44rem;margin:1.25rem 0 0;font-size:clamp(1.125rem,2.2vw,1.375rem);line-height:1.5;text-wrap:pretty;overflow-wrap:anywhere}
.facts{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:1.75rem 0 0}
.facts div{min-width:0}
.facts dt{color:var(--muted);font-size:.8125rem}
.facts dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:2rem 0 0;padding:.75rem 0;border-block:1px solid var(--line);list-style:none}
section{padding-top:3rem;content-visibility:auto;contain-intrinsic-size:auto 40rem}
h2{margin:0 0 .5rem;font-size:1.625rem;line-height:1.2;letter-spacing:-.015em}
h3{margin:2rem 0 .25rem;font-size:1.125rem}
section p{max-width:48rem;margin:.25rem 0 1rem;color:var(--muted)}
small{color:var(--muted);font-weight:400;font-size:.8125rem}
.outcomes{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,16rem),1fr));gap:1.25rem 2rem;margin:1rem 0 2rem;padding:0;list-style:none}
.outcomes li{padding-top:.75rem;border-top:3px solid var(--series);color:var(--muted);font-size:.9375rem;line-height:1.5}
.outcomes strong{display:block;color:var(--ink);font-size:1.0625rem;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1.5rem}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:2rem}
figure{margin:0;min-width:0;break-inside:avoid}
figure>svg{display:block;max-width:100%;height:auto}
figcaption{margin-bottom:.5rem;font-weight:600;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:0 0 1rem;padding:0;list-style:none}
.legend svg{margin-right:.5rem;vertical-align:middle}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9375rem;font-variant-numeric:tabular-nums}
th{font-weight:400;text-align:left}
thead th{color:var(--muted);font-size:.8125rem;vertical-align:bottom}
.metrics,.plain{width:100%}
.metrics th,.metrics td,.plain th,.plain td{padding:.4rem .75rem;border-bottom:1px solid var(--line)}
.metrics td,.metrics thead th+th,.plain .number,.datasets th:is(:nth-child(2),:nth-child(3),:nth-child(4)){text-align:right}
.metrics th:first-child,.plain th:first-child{position:sticky;left:0;padding-left:0;background:var(--page)}
.metrics tbody th{max-width:40vw;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;border-left:4px solid var(--series);padding-left:.75rem!important}
.metrics :is(td,th):last-child{background:var(--tint)}
.metrics .best{font-weight:700}
.metrics .second{text-decoration:underline;text-underline-offset:.2em}
.plain td{max-width:24rem;vertical-align:top;overflow-wrap:anywhere}
.plain tbody th{vertical-align:top;white-space:nowrap}
.differs{color:var(--accent);font-weight:700}
.warning{border-left:4px solid var(--series-0);padding-left:.75rem;color:var(--ink)}
code{font:.8125rem ui-monospace,Menlo,Consolas,monospace}
.heat td{padding:.3rem .4rem;text-align:center;font-size:.8125rem;color:var(--ink-on-low);
background:color-mix(in oklab,var(--heat-high) calc(var(--v,0)*100%),var(--heat-low));
border:1px solid var(--page);print-color-adjust:exact;-webkit-print-color-adjust:exact}
.heat td.high{color:var(--ink-on-high)}
.heat tbody th{padding-right:.75rem;font-size:.8125rem;white-space:nowrap}
.matrix thead th+th{padding:0;text-align:center}
.matrix thead span{display:inline-block;max-height:9rem;padding:.25rem 0;writing-mode:vertical-rl;transform:rotate(180deg);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.matrix .learned{outline:2px solid var(--ink);outline-offset:-2px;box-shadow:inset 0 0 0 3px var(--page)}
.zero-shot th{color:var(--muted)}
.zero-shot td{border-bottom:4px solid var(--page)}
.encoders{display:flex;flex-wrap:wrap;gap:.75rem 1.5rem}
.ranks thead th+th{text-align:center}
.ranks th:first-child{width:3rem}
.ranks td{min-width:1.75rem;padding:.15rem}
footer{margin-top:4rem;padding-bottom:3rem;color:var(--muted);font-size:.875rem}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{nav,.skip{display:none}body{font-size:10pt}section{content-visibility:visible;padding-top:1.5rem}h2,h3,figcaption{break-after:avoid}tr{break-inside:avoid}.scroll{overflow:visible}}
`;
