import { freshFolder, startServer, weir, weirJson, sleep } from './lib/server.mjs';
import { createProject } from './lib/project.mjs';
import { readdirSync, openSync, writeSync, readSync, closeSync, statSync } from 'node:fs';
import path from 'node:path';
const s = await startServer(freshFolder('dmg')); const p = await createProject(s);
await weirJson(s.data,['import','--project',String(p.id),'-'],{input:Array.from({length:500},(_,i)=>JSON.stringify({event:'C',properties:{time:Date.now()-1000*i,distinct_id:'z'+i,$insert_id:'c'+i}})).join('\n')}); console.log(await s.stop());
const j = path.join(s.data,'journal'); const f = path.join(j, readdirSync(j).sort().at(-1)); console.log(f, statSync(f).size);
const fd=openSync(f,'r+'); const b=Buffer.alloc(1); const at=Math.floor(statSync(f).size/2); readSync(fd,b,0,1,at); writeSync(fd,Buffer.from([b[0]^0x10]),0,1,at); closeSync(fd);
if (process.argv[2]) { const r = await weir(s.data,['check','--json']); console.log('check', r.code, r.stdout, r.stderr.slice(0,300)); }
console.log(readdirSync(j).map(x=>x+' '+statSync(path.join(j,x)).size));
await s.start(10000);
console.log('C after', await p.total('C'));
for (let i=0;i<20;i++) { const r=await p.track([{event:'B',properties:{distinct_id:'q',time:Date.now(),n:i}}]); if(i==0) console.log(r.status, await r.text()); }
console.log('B', await p.waitFor(20,'B'), 'C', await p.total('C'));
console.log(readdirSync(j).map(x=>x+' '+statSync(path.join(j,x)).size));
console.log(s.stderr.slice(-800));
process.exit(0);
